using System.Globalization;
using System.Reflection;

namespace Multiplex.Tests.Interop;

/// <summary>Tmds.LibC is another library of the same constants: where both have a constant, its values must agree.</summary>
public class SecondWitnessTests
{
    private const BindingFlags PublicStatic = BindingFlags.Public | BindingFlags.Static;

    [Test]
    public void Every_constant_that_Tmds_LibC_has_too_agrees()
    {
        (string Name, long Here, long There)[] both = [.. HeaderCheck.Constants(Processor.This)
            .Select(constant =>
                (constant.Name, Here: Integer(constant.GetRawConstantValue())!.Value, There: There(constant.Name)))
            .Where(pair => pair.There is not null)
            .Select(pair => (pair.Name, pair.Here, pair.There!.Value))];
        Assert.That(both, Has.Length.GreaterThan(60), "too few have the same name: the comparison has lost its subject");
        Assert.Multiple(() =>
        {
            foreach ((string name, long here, long there) in both)
                Assert.That(unchecked((int)here), Is.EqualTo(unchecked((int)there)), name);   // one says uint, one int: the bits count
        });
    }

    // It has constants, and properties for those that differ between machines.
    private static long? There(string name)
    {
        Type type = typeof(Tmds.Linux.LibC);
        return type.GetField(name, PublicStatic) is { } field ? Integer(field.GetValue(null))
            : type.GetProperty(name, PublicStatic) is { } property ? Integer(property.GetValue(null))
            : null;
    }

    private static long? Integer(object? value) => value is IConvertible and not string
        ? (long)Convert.ToDecimal(value, CultureInfo.InvariantCulture)
        : value is nint number ? number
        : null;
}
