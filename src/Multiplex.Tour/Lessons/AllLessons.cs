namespace Multiplex.Tour.Lessons;

/// <summary>The lessons in the order of the lecture.</summary>
public static class AllLessons
{
    /// <summary>All of them. A later lesson uses words that an earlier one explains.</summary>
    public static IReadOnlyList<Lesson> InOrder { get; } =
    [
        Lesson01_Sockets.Lesson,
        Lesson02_Addresses.Lesson,
        Lesson03_Connections.Lesson,
        Lesson04_Streams.Lesson,
        Lesson05_Datagrams.Lesson,
        Lesson06_Messages.Lesson,
        Lesson07_Endings.Lesson,
        Lesson08_Waiting.Lesson,
        Lesson09_Fork.Lesson,
        Lesson10_Threads.Lesson,
        Lesson11_Rpc.Lesson,
        Lesson12_Binding.Lesson,
        Lesson13_Once.Lesson,
    ];
}
