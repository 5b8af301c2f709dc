using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Contract;

/// <summary>RFC 862 on every model and every kind of stream.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.ModelsAndForms))]
public sealed class EchoContractTests(string model, ListenForm form) : EchoFixture(model, form);
