using System.Reflection;
using Multiplex.Rpc.Generator;

namespace Multiplex.Tests.Rpc.Generator;

/// <summary>The contract of a .x file, and of a C# interface: the client stub implements it, and objects that implement it are served.</summary>
public class ContractTests
{
    private const string File = """
        const MAX = 8;
        struct point { int x; int y; };
        typedef string name<MAX>;
        program CALC { version CALC_V1 {
            int ADD(int, int) = 1;
            point MIRROR(point) = 2;
            void LOG(name) = 3;
            name NAME(void) = 4;
        } = 1; } = 0x20004548;
        """;

    // Where there is no server, generated code that named its types would not compile.
    [TestCase(false)]
    [TestCase(true)]
    public void Of_a_file_and_of_an_interface_the_servers_side_is_made_where_the_project_has_a_server(bool hasServer)
    {
        XFile[] files = [new("/calc.x", File, "Made") { OneWay = "LOG", Context = "true" }];
        const string Source = """
            using Multiplex.Rpc;
            [RpcProgram(0x20004549)]
            public partial interface IClock
            {
                [Procedure(1)] System.Threading.Tasks.ValueTask<int> NowAsync(RpcContext? context = null, System.Threading.CancellationToken cancellationToken = default);
            }
            """;
        Assembly made = (hasServer ? StubCompiler.Compile(files, Source) : StubCompiler.CompileClient(files, Source)).Load();
        Assert.That(made.GetTypes().Select(type => type.FullName), Is.SupersetOf(new[] { "Made.ICalcV1", "Made.CalcV1Client", "IClock", "ClockV1", "ClockV1Client" }));
        Assert.That((made.GetType("Made.CalcV1Server") is not null, made.GetType("ClockV1Server") is not null), Is.EqualTo((hasServer, hasServer)));
        Assert.That(made.GetReferencedAssemblies().Select(one => one.Name), hasServer ? Has.Member("Multiplex.Rpc") : Has.No.Member("Multiplex.Rpc"));
        Assert.That(made.GetReferencedAssemblies().Select(one => one.Name), Has.Member("Multiplex.Rpc.Client"));
    }

    [Test]
    public async Task A_class_that_implements_the_contract_of_a_file_is_served_and_called_by_it()
    {
        const string Source = """
            using Made;
            public class Calc : ICalcV1
            {
                public string Logged = "";
                public int Add(int a, int b) => a + b;
                public Point Mirror(Point p) => new() { X = p.Y, Y = p.X };
                public void Log(string text) => Logged += text;
                public string Name() => Logged;
            }
            public static class Use
            {
                public static object Make() => new Calc();
                public static string Call(Multiplex.Rpc.Client.RpcClient client)
                {
                    ICalcV1 calc = client.Create<ICalcV1>();
                    calc.Log("logged");
                    return $"{calc.Add(2, 3)} {calc.Mirror(new() { X = 1, Y = 2 }).X} {calc.Name()}";
                }
            }
            """;
        Assembly made = StubCompiler.Compile([new("/calc.x", File, "Made", Idempotent: "*") { OneWay = "LOG" }], Source).Load();
        await using RpcServer server = await RpcServer.StartAsync(options => options.Listen("tcp://127.0.0.1:0"), Of<Func<object>>(made, "Make")());
        await using RpcClient client = await RpcClient.ConnectAsync(server.Endpoints[0]);
        Assert.That(Of<Func<RpcClient, string>>(made, "Call")(client), Is.EqualTo("5 2 logged"));
    }

    [Test]
    public async Task The_contract_of_a_file_may_be_async_and_take_the_context()
    {
        const string Source = """
            using System.Threading;
            using System.Threading.Tasks;
            using Made;
            using Multiplex.Rpc;
            public class Calc : ICalcV1
            {
                public async ValueTask<int> AddAsync(int a, int b, RpcContext? context, CancellationToken cancellationToken)
                {
                    await Task.Delay(1, cancellationToken);
                    return context!.Xid == 0 ? 0 : a + b;
                }
                public ValueTask<Point> MirrorAsync(Point p, RpcContext? context, CancellationToken cancellationToken) => new(p);
                public ValueTask LogAsync(string text, RpcContext? context, CancellationToken cancellationToken) => default;
                public ValueTask<string> NameAsync(RpcContext? context, CancellationToken cancellationToken) => new(context!.ProcedureName!);
            }
            public static class Use
            {
                public static object Make() => new Calc();
                public static async Task<string> CallAsync(Multiplex.Rpc.Client.RpcClient client)
                {
                    ICalcV1 calc = client.Create<ICalcV1>();
                    await calc.LogAsync("a");
                    return $"{await calc.AddAsync(2, 3)} {(await calc.MirrorAsync(new() { X = 1, Y = 2 })).X} {await calc.NameAsync()}";
                }
            }
            """;
        Assembly made = StubCompiler.Compile([new("/calc.x", File, "Made") { Async = "true", Context = "true" }], Source).Load();
        await using RpcServer server = await RpcServer.StartAsync(options => options.Listen("tcp://127.0.0.1:0"), Of<Func<object>>(made, "Make")());
        await using RpcClient client = await RpcClient.ConnectAsync(server.Endpoints[0]);
        Assert.That(await Of<Func<RpcClient, Task<string>>>(made, "CallAsync")(client), Is.EqualTo("5 1 Name"));
    }

    [TestCase("ADD", "", "'ADD' is one-way, and no caller would get its result: have it return void")]
    [TestCase("SUB", "", "there is no procedure 'SUB' to be one-way: write names of this file's procedures, or *")]
    [TestCase("", "perhaps", "RpcAsync is 'perhaps': write true or false")]
    public void What_cannot_be_is_said(string oneWay, string isAsync, string problem)
    {
        ProblemList problems = [];
        Assert.That(new XFile("/calc.x", File, "Made") { OneWay = oneWay, Async = isAsync }.Compile(_ => null, problems), Is.Null);
        Assert.That(problems.Select(one => one.Message), Does.Contain(problem));
    }

    [Test]
    public void One_way_procedures_are_sent_alone_or_in_batches_and_the_others_stay_as_they_are()
    {
        Assembly made = StubCompiler.Compile([], """
            using System;
            using System.Threading;
            using System.Threading.Tasks;
            using Multiplex.Rpc;
            namespace Space;
            public static class Outer
            {
                [RpcProgram(7, Version = 3)]
                public partial interface ILog
                {
                    [Procedure(1, OneWay = true)] void Put([XdrMaxLength(8)] ReadOnlySpan<byte> line);
                    [Procedure(2, OneWay = true)] Task PutAsync2(CancellationToken cancellationToken);
                    [Procedure(3)] [return: XdrMaxLength(8)] Task<string?> ReadAsync(RpcContext context, int line);
                    [Procedure(4)] Task WriteAsync([XdrMaxLength(8)] string? line);
                }
            }
            """).Load();
        Type client = made.GetType("Space.LogV3Client")!;
        Assert.That(client.GetInterfaces().Select(one => one.Name), Is.EqualTo(new[] { "ILog" }));
        Assert.That(client.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly).Select(one => one.Name), Is.SupersetOf(
            new[] { "Put", "PutBatched", "PutAsync2", "PutAsync2Batched", "Read", "ReadAsync", "Write", "WriteAsync" }));
    }

    private static T Of<T>(Assembly made, string method)
        where T : Delegate => made.GetType("Use")!.GetMethod(method)!.CreateDelegate<T>();
}
