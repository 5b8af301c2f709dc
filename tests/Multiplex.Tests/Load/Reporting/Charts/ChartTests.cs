using System.Globalization;
using System.Xml.Linq;
using Multiplex.Load.Reporting.Charts;
using Multiplex.Load.Reporting.Pages;
using FsCheckProperty = FsCheck.NUnit.PropertyAttribute;

namespace Multiplex.Tests.Load.Reporting.Charts;

/// <summary>Charts as SVG: well formed, to scale, and legible.</summary>
public class ChartTests
{
    private const double Leeway = 0.02;   // coordinates are written with two digits

    [TestCase(0, 87, new double[] { 0, 25, 50, 75, 100 })]
    [TestCase(0, 4, new double[] { 0, 1, 2, 3, 4 })]
    [TestCase(0, 0, new double[] { 0, 0.25, 0.5, 0.75, 1 })]
    public void A_linear_axis_goes_from_zero_to_a_round_number(double least, double most, double[] ticks) =>
        Assert.That(new Axis("x").ScaleOf([least, most]).Ticks, Is.EqualTo(ticks));

    [TestCase(1, 1000, new double[] { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000 })]
    [TestCase(130, 450, new double[] { 100, 200, 500 })]
    [TestCase(3, 3e6, new double[] { 10, 100, 1000, 10_000, 100_000, 1_000_000 })]
    [TestCase(5, 5, new double[] { 5, 10, 20, 50 })]
    public void A_logarithmic_axis_ticks_round_numbers(double least, double most, double[] ticks) =>
        Assert.That(new Axis("x") { Logarithmic = true }.ScaleOf([least, most]).Ticks, Is.EqualTo(ticks).Within(1e-9).Percent);

    [FsCheckProperty]
    public void A_scale_keeps_the_order_of_values_and_has_room_for_all(uint a, uint b, bool log)
    {
        Scale scale = new Axis("x") { Logarithmic = log }.ScaleOf([a + 1.0, b + 1.0]);
        double[] positions = [scale.PositionOf(Math.Min(a, b) + 1.0), scale.PositionOf(Math.Max(a, b) + 1.0)];
        Assert.That(positions, Is.Ordered.And.All.InRange(0.0, 1.0));
        if (a != b)
            Assert.That(positions, Is.Unique);
    }

    [Test]
    public void A_line_chart_draws_each_point_to_scale_and_each_name_as_text()
    {
        LineChart chart = new("rate", new("connections") { Logarithmic = true, Ticks = [1, 10, 100] }, new("requests/s"),
        [
            new("a<b>", 0, [new(1, 10, 8, 12), new(10, 20), new(100, 40)]),
            new("nobody", 1, []),
        ]);
        XElement figure = Parse(chart.Draw());
        double[][] points = [.. Attribute(figure, "polyline", "points").Last().Split(' ').Select(point => point.Split(',').Select(Number).ToArray())];
        Assert.That(points[1][0] - points[0][0], Is.EqualTo(points[2][0] - points[1][0]).Within(0.2), "decades are equally wide");
        Assert.That(points[1][1] - points[2][1], Is.EqualTo(2 * (points[0][1] - points[1][1])).Within(0.2), "20 more is twice 10 more");
        Assert.That(figure.Descendants("text").Select(text => text.Value), Has.Member("a<b>").And.Not.Member("nobody").And.Member("100"));
    }

    [Test]
    public void Bars_are_as_long_as_their_values_and_show_their_spread()
    {
        BarChart chart = new("CPU", [new("one", 0, 5, 4, 10), new("other", 1, 10, 9, 11), new("none", 2, 0, 0, 0)], Quantities.Time);
        XElement figure = Parse(chart.Draw());
        double[] widths = [.. Attribute(figure, "rect", "width").Select(Number)];
        Assert.That(widths[1], Is.EqualTo(2 * widths[0]).Within(Leeway));
        Assert.That(widths[2], Is.Zero);
        Assert.That(figure.Descendants("title").First().Value, Is.EqualTo("one: 5 µs, from 4 µs to 10 µs"));
    }

    [Test]
    public void A_line_is_interrupted_where_a_value_is_not_known_and_goals_are_marked()
    {
        LineChart chart = new("latency", new("second"), new("p99"), [new("p99", 0, [new(0, 1), new(1, 2), new(2, double.NaN), new(3, 2), new(4, 1)])])
        {
            MarksUp = [new("p99<5ms", 5)],
            MarksAcross = [new("capacity", 3)],
            Blanks = [new(1.5, 2.5, "no reply")],
        };
        XElement figure = Parse(chart.Draw());
        Assert.That(Attribute(figure, "polyline", "points").Select(points => points.Split(' ').Length), Is.All.EqualTo(2));
        Assert.That(figure.Descendants("text").Select(text => text.Value), Has.Member("p99<5ms").And.Member("capacity"));
        Assert.That(figure.ToString(), Does.Not.Contain("NaN"));
        XElement blank = figure.Descendants("rect").First();
        Assert.That(blank.Value, Is.EqualTo("no reply"));
        double[] line = [.. Attribute(figure, "polyline", "points").SelectMany(points => points.Split(' ')).Select(point => Number(point.Split(',')[0]))];
        double second = line[1] - line[0];
        Assert.That(Number(blank.Attribute("x")!.Value), Is.EqualTo(line[0] + (1.5 * second)).Within(0.2));
        Assert.That(Number(blank.Attribute("width")!.Value), Is.EqualTo(second).Within(0.2));
    }

    [Test]
    public void No_label_of_a_tick_covers_another_also_where_the_chart_is_narrow()
    {
        LineChart chart = new("latency", new("percentile") { Logarithmic = true, Ticks = [1, 10, 100, 1000, 10_000, 100_000], Label = odds => $"{100 - (100 / odds):0.####}" }, new("p99"), [new("p99", 0, [new(1, 1), new(100_000, 2)])]);
        foreach (XElement drawing in Parse(chart.Draw()).Elements().Where(element => element.Name.LocalName == "svg"))
        {
            (double Middle, int Length)[] labels = [.. drawing.Descendants().Where(text => (string?)text.Attribute("class") == "tick" && (string?)text.Attribute("text-anchor") == "middle")
                .Select(text => (Number(text.Attribute("x")!.Value), text.Value.Length))];
            Assert.That(labels, Has.Length.InRange(4, 6));
            foreach (((double left, int before), (double right, int after)) in labels.Zip(labels.Skip(1)))
                Assert.That(right - left, Is.GreaterThan(3.5 * (before + after)), "digits of 7 pixels");
        }
    }

    [Test]
    public void A_point_between_two_that_are_not_known_is_marked_also_where_points_are_not()
    {
        LineChart chart = new("latency", new("second"), new("p99"), [new("p99", 0, [new(0, 1), new(1, 2), new(2, double.NaN), new(3, 2), new(4, double.NaN)])]) { Marks = false };
        Assert.That(Parse(chart.Draw()).Descendants("title").Select(title => title.Value), Has.All.EqualTo("p99: 2 at 3").And.Not.Empty);
    }

    [Test]
    public void A_colour_that_is_chosen_is_far_from_those_in_use()
    {
        Assert.That(Palette.FurthestFrom([7]), Is.Not.EqualTo(7).And.Not.EqualTo(8).And.Not.EqualTo(6), "neither blue nor a neighbour of it");
        Assert.That(Palette.FurthestFrom([.. Enumerable.Range(0, Palette.Count)]), Is.InRange(0, Palette.Count - 1));
    }

    [FsCheckProperty(MaxTest = 50)]
    public void No_label_at_the_end_of_a_line_covers_another(byte[] ends)
    {
        double[] wanted = [.. ends.Take(14).Select(end => end * 1.2)];
        double[] placed = [.. LineChart.LabelPositions(wanted, 320).Order()];
        Assert.That(placed, Is.All.InRange(0.0, 320.0));
        for (int i = 1; i < placed.Length; i++)
            Assert.That(placed[i] - placed[i - 1], Is.GreaterThanOrEqualTo(14 - 1e-9));
    }

    [TestCase(0, "0 µs")]
    [TestCase(0.25, "250 ns")]
    [TestCase(9.876, "9.88 µs")]
    [TestCase(999.9, "1 ms")]
    [TestCase(123_456, "123 ms")]
    [TestCase(7_200_000_000, "7,200 s")]
    public void Times_have_three_digits_and_the_unit_that_fits(double microseconds, string text) =>
        Assert.That(Quantities.Time(microseconds), Is.EqualTo(text));

    [TestCase(1_194_534, "1.19M")]
    [TestCase(50_390, "50.4k")]
    [TestCase(999.96, "1k")]
    [TestCase(0.0001, "0.0001")]
    [TestCase(0, "0")]
    public void Numbers_have_three_digits_and_the_power_that_fits(double number, string text) =>
        Assert.That(Quantities.Short(number), Is.EqualTo(text));

    private static XElement Parse(Html figure) => XElement.Parse(figure.ToString());

    private static IEnumerable<string> Attribute(XElement figure, string element, string name) =>
        figure.Descendants(element).Select(one => one.Attribute(name)!.Value);

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
