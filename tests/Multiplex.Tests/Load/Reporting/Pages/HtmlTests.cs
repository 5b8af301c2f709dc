using System.Xml.Linq;
using Multiplex.Load.Reporting.Pages;

namespace Multiplex.Tests.Load.Reporting.Pages;

/// <summary>Pages made of pieces: names that users choose are escaped.</summary>
public class HtmlTests
{
    private const string Hostile = """</td><script>alert("1")</script> & 'more' """;

    [Test]
    public void What_stands_in_braces_is_text_in_content_and_in_attributes()
    {
        XElement element = XElement.Parse(Html.Of($"""<p title="{Hostile}">{Hostile}</p>""").ToString());
        Assert.That((element.Attribute("title")!.Value, element.Value), Is.EqualTo((Hostile, Hostile)));
        Assert.That(element.Elements(), Is.Empty);
    }

    [Test]
    public void Pieces_stay_what_they_are_however_they_are_put_together()
    {
        Html item = Html.Of($"<li>{1.5}</li>");
        Html[] items = [item, item];
        Assert.That(Html.Of($"<ul>{items}{items.Select(one => one)}{item}{Html.Join(items)}{Html.None}</ul>").ToString(), Is.EqualTo(
            $"<ul>{string.Concat(Enumerable.Repeat("<li>1.5</li>", 7))}</ul>"));
    }

    [Test]
    public void A_page_is_one_file_and_its_title_is_text()
    {
        string page = Page.Of(Hostile, Html.Of($"<p>{7}</p>"));
        Assert.That(page, Does.StartWith("<!DOCTYPE html>").And.Contain("<p>7</p>").And.Contain("prefers-color-scheme: dark"));
        Assert.That(page, Does.Not.Contain("alert(\"").And.Not.Contain("http://").And.Not.Contain("https://"));
    }
}
