using NUnit.Framework;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace Multiplex.ServerTests.Harness;

/// <summary>
/// Runs a fixture over models, or over models and kinds of endpoint. A test that needs a model to serve several clients at once, marked
/// <see cref="SeveralClientsAttribute"/>, is not there where the model does not.
/// </summary>
/// <param name="type">Where the source is.</param>
/// <param name="source">A static property: names of models, or <see cref="TestFixtureData"/> that begin with one.</param>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ModelSourceAttribute(Type type, string source) : NUnitAttribute, IFixtureBuilder2
{
    private readonly TestFixtureSourceAttribute _fixtures = new(type, source);

    public IEnumerable<TestSuite> BuildFrom(ITypeInfo typeInfo) => _fixtures.BuildFrom(typeInfo).Select(WhatItsModelCan);

    public IEnumerable<TestSuite> BuildFrom(ITypeInfo typeInfo, IPreFilter filter) => _fixtures.BuildFrom(typeInfo, filter).Select(WhatItsModelCan);

    // The source's cells are the fixtures of one suite.
    private static TestSuite WhatItsModelCan(TestSuite cells)
    {
        foreach (TestFixture fixture in cells.Tests.OfType<TestFixture>())
        {
            string model = fixture.Arguments.OfType<string>().First();
            ListenForm form = fixture.Arguments.OfType<ListenForm>().FirstOrDefault();
            if (Cells.ServesSeveralClients(model, form))
                continue;
            foreach (ITest test in fixture.Tests.Where(test => test.Method!.IsDefined<SeveralClientsAttribute>(inherit: true)).ToList())
                fixture.Tests.Remove(test);
        }

        return cells;
    }
}

/// <summary>A test that needs a model to serve several clients at once: see <see cref="ModelSourceAttribute"/>.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SeveralClientsAttribute : NUnitAttribute;
