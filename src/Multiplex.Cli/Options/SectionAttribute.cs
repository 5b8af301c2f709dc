namespace Multiplex.Cli.Options;

/// <summary>On the first option of a section: its title in the help and the man page. The section lasts to the next one.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class SectionAttribute(string title) : Attribute
{
    public string Title { get; } = title;

    /// <summary>Whether the options that the verb inherits come before this section. If no section has this, they come last.</summary>
    public bool IsAfterInherited { get; set; }
}
