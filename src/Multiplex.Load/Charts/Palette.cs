namespace Multiplex.Load.Charts;

/// <summary>The colours of what is compared: the page's style gives each class its colour, in the light theme and in the dark one.</summary>
public static class Palette
{
    /// <summary>How many there are; then they begin again.</summary>
    public const int Count = 12;

    /// <summary>The class of an element that is drawn in a colour.</summary>
    /// <param name="number">The colour's number, from 0.</param>
    public static string ClassOf(int number) => $"c{number % Count}";
}
