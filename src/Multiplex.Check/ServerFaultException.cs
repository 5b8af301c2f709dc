namespace Multiplex.Check;

/// <summary>A check does not hold; the message says what was seen.</summary>
public sealed class ServerFaultException(string seen) : Exception(seen);
