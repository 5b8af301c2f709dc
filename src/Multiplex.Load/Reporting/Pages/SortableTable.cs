namespace Multiplex.Load.Reporting.Pages;

/// <summary>A column of a table.</summary>
/// <param name="Title">Its head.</param>
/// <param name="Explanation">The definition of the figure, shown when the pointer is on the head.</param>
/// <param name="DownFirst">Whether a first click puts the greatest on top.</param>
internal sealed record TableColumn(string Title, string Explanation = "", bool DownFirst = false)
{
    /// <summary>Whether it is hidden until the reader asks for all columns.</summary>
    public bool IsFolded { get; init; }
}

/// <summary>A cell.</summary>
/// <param name="Content">The content.</param>
/// <param name="SortBy">The sort key; null comes last in either direction.</param>
/// <param name="Class">Its style.</param>
internal sealed record TableCell(Html Content, double? SortBy = null, string Class = "");

/// <summary>A row.</summary>
/// <param name="Name">Its first cell, the row's head.</param>
/// <param name="NameText">The sort key of the first column.</param>
/// <param name="Cells">The others.</param>
internal sealed record TableRow(Html Name, string NameText, IReadOnlyList<TableCell> Cells);

/// <summary>A table that a click on a column's head sorts.</summary>
internal static class SortableTable
{
    private static readonly Html s_unfold = Html.Of($"""<label class="unfold"><input type="checkbox"> all figures</label>""");

    /// <summary>The table.</summary>
    public static Html Of(IReadOnlyList<TableColumn> columns, IEnumerable<TableRow> rows) => Html.Of($"""
        <div class="table">{(columns.Any(column => column.IsFolded) ? s_unfold : Html.None)}<div class="scroll"><table class="sortable">
        <thead><tr>{columns.Select(Head)}</tr></thead>
        <tbody>
        {rows.Select(row => Row(row, columns))}</tbody>
        </table></div></div>

        """);

    private static Html Head(TableColumn column) => Html.Of(
        $"""<th scope="col" class="{Folded(column)}" title="{column.Explanation}" data-first="{(column.DownFirst ? "descending" : "ascending")}"><button>{column.Title}</button></th>""");

    private static Html Row(TableRow row, IReadOnlyList<TableColumn> columns) => Html.Of($"""
        <tr><th scope="row" data-v="{row.NameText}">{row.Name}</th>{row.Cells.Zip(columns.Skip(1), Cell)}</tr>

        """);

    private static Html Cell(TableCell cell, TableColumn column)
    {
        string class_ = $"{cell.Class} {Folded(column)}".Trim();
        return cell.SortBy is { } value
            ? Html.Of($"""<td class="{class_}" data-v="{value:R}">{cell.Content}</td>""")
            : Html.Of($"""<td class="{class_}">{cell.Content}</td>""");
    }

    private static string Folded(TableColumn column) => column.IsFolded ? "folded" : "";
}
