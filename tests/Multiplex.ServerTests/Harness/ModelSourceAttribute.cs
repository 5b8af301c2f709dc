using NUnit.Framework;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace Multiplex.ServerTests.Harness;

/// <summary>
/// Runs a fixture over models, or over models and kinds of endpoint. A test that is marked with a <see cref="CapabilityAttribute"/> is not there
/// where the model lacks that capability.
/// </summary>
/// <param name="type">Where the source is.</param>
/// <param name="source">A static property: names of models, or <see cref="TestFixtureData"/> that begin with one.</param>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ModelSourceAttribute(Type type, string source) : NUnitAttribute, IFixtureBuilder2
{
    private readonly TestFixtureSourceAttribute _fixtures = new(type, source);

    public IEnumerable<TestSuite> BuildFrom(ITypeInfo typeInfo) => _fixtures.BuildFrom(typeInfo).Select(WhatItsModelCan);

    public IEnumerable<TestSuite> BuildFrom(ITypeInfo typeInfo, IPreFilter filter) => _fixtures.BuildFrom(typeInfo, filter).Select(WhatItsModelCan);

    // The source's entries are the fixtures of one suite.
    private static TestSuite WhatItsModelCan(TestSuite cells)
    {
        foreach (TestFixture fixture in cells.Tests.OfType<TestFixture>())
        {
            string model = fixture.Arguments.OfType<string>().First();
            ListenForm form = fixture.Arguments.OfType<ListenForm>().FirstOrDefault();
            foreach (ITest test in fixture.Tests.Where(test => test.Method!.GetCustomAttributes<CapabilityAttribute>(inherit: true).Any(one => !one.IsThere(model, form))).ToList())
                fixture.Tests.Remove(test);
        }

        return cells;
    }
}

/// <summary>What a test needs of a model.</summary>
[AttributeUsage(AttributeTargets.Method)]
public abstract class CapabilityAttribute : NUnitAttribute
{
    /// <summary>Whether the model has it at endpoints of this form.</summary>
    public abstract bool IsThere(string model, ListenForm form);
}

/// <summary>It serves several clients at once.</summary>
public sealed class SeveralClientsAttribute : CapabilityAttribute
{
    public override bool IsThere(string model, ListenForm form) => Cells.ServesSeveralClients(model, form);
}

/// <summary>Several async calls of one connection are in flight at once.</summary>
public sealed class CallsTogetherAttribute : CapabilityAttribute
{
    public override bool IsThere(string model, ListenForm form) => Cells.AnswersOnLoops(model);
}
