namespace Multiplex;

/// <summary>What a search for the end of a request says when it does not return a length.</summary>
public static class FrameResult
{
    /// <summary>More bytes are needed.</summary>
    public const int Incomplete = 0;

    /// <summary>These bytes can never become a request.</summary>
    public const int Malformed = -1;
}

/// <summary>How far framing got with the request at the front of a connection's bytes. All zero at the start of each request.</summary>
public struct FramingProgress
{
    /// <summary>Bytes of whole fragments that need not be looked at again.</summary>
    public int Scanned { get; set; }

    /// <summary>Bytes of the request in those fragments, without their headers.</summary>
    public int Length { get; set; }
}
