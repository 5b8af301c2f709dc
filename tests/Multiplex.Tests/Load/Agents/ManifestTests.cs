using k8s;
using k8s.Models;
using Multiplex.Cli;
using Multiplex.Cli.Loading;
using Multiplex.Load.Nats;
using YamlDotNet.Serialization;

namespace Multiplex.Tests.Load.Agents;

/// <summary>
/// What docs/recipes has for clusters and containers: the manifest by the models that Kubernetes' own client generates from its OpenAPI, where a field that
/// is unknown or of another type is refused; and the words of each container by the command's own parser.
/// </summary>
public class ManifestTests
{
    private static readonly string[] s_composeKeys = ["image", "command", "depends_on", "deploy", "profiles"];

    private static string Read(string name) => File.ReadAllText(Path.Combine(Repository.Root, "docs/recipes", name));

    private static List<object> Manifest(string text) => KubernetesYaml.LoadAllFromString(text, strict: true);

    [Test]
    public void The_manifest_is_one_of_kubernetes()
    {
        List<object> all = Manifest(Read("load-agents.kubernetes.yaml"));
        Assert.That(all.Select(one => one.GetType()), Is.EqualTo([typeof(V1Deployment), typeof(V1Service), typeof(V1Job), typeof(V1Job), typeof(V1Job)]));
        V1Deployment nats = all.OfType<V1Deployment>().Single();
        V1Service service = all.OfType<V1Service>().Single();
        Assert.That(service.Spec.Selector, Is.EquivalentTo(nats.Spec.Template.Metadata.Labels).And.EquivalentTo(nats.Spec.Selector.MatchLabels));
        Assert.That(nats.Spec.Template.Spec.Containers.Single().Ports.Select(port => port.Name), Is.EqualTo(service.Spec.Ports.Select(port => port.TargetPort.Value)));
        Assert.That(all.OfType<V1Job>().Select(job => (job.Spec.BackoffLimit, job.Spec.Template.Spec.RestartPolicy)), Is.All.EqualTo((0, "Never")), "a run that failed is not made again");
    }

    [TestCase("parallelism: 4", "paralelism: 4")]
    [TestCase("parallelism: 4", "parallelism: four")]
    [TestCase("args: [agent,", "arguments: [agent,")]
    public void A_field_that_kubernetes_does_not_know_is_refused(string right, string wrong)
    {
        string text = Read("load-agents.kubernetes.yaml");
        Assert.That(text, Does.Contain(right));
        Assert.That(() => Manifest(text.Replace(right, wrong)), Throws.InstanceOf<YamlDotNet.Core.YamlException>());
    }

    [Test]
    public void Its_jobs_are_the_agents_of_its_load()
    {
        List<object> all = Manifest(Read("load-agents.kubernetes.yaml"));
        V1Job Job(string name) => all.OfType<V1Job>().Single(job => job.Metadata.Name == name);
        T Verb<T>(string name) => (T)Command.Parse([.. Job(name).Spec.Template.Spec.Containers.Single().Args]).Value;
        LoadVerbOptions load = Verb<LoadVerbOptions>("load");
        AgentOptions agent = Verb<AgentOptions>("load-agents"), measure = Verb<AgentOptions>("load-measure");
        V1JobSpec agents = Job("load-agents").Spec;
        Assert.That((agents.Parallelism, agents.Completions, load.Agents), Is.EqualTo((4, 4, "4")));
        Assert.That((agent.Role, agent.Runs, measure.Role, measure.Runs), Is.EqualTo(("load", 1, "measure", 1)), "a job ends with its run");
        V1Service service = all.OfType<V1Service>().Single();
        Assert.That((string?[])[agent.Nats, measure.Nats, load.Nats], Is.All.EqualTo($"{NatsUrl.Parse($"nats://{service.Metadata.Name}:{service.Spec.Ports.Single().Port}")}"));
        Assert.That(load.MeasureRate, Is.Not.Null);
    }

    [Test]
    public void The_compose_file_starts_the_agents_of_its_load()
    {
        Dictionary<string, object> file = new DeserializerBuilder().Build().Deserialize<Dictionary<string, object>>(Read("load-agents.compose.yaml"));
        Assert.That(file.Keys, Is.EqualTo(["services"]));
        Dictionary<string, Dictionary<string, object>> services = ((Dictionary<object, object>)file["services"])
            .ToDictionary(one => (string)one.Key, one => ((Dictionary<object, object>)one.Value).ToDictionary(field => (string)field.Key, field => field.Value));
        Assert.That(services.Values.SelectMany(service => service.Keys).Distinct(), Is.SubsetOf(s_composeKeys));
        Assert.That(services.Values.Select(service => service["image"]), Is.All.InstanceOf<string>());
        Assert.That(services.Values.SelectMany(service => Words(service.GetValueOrDefault("depends_on"))).Distinct(), Is.SubsetOf(services.Keys));
        T Verb<T>(string name) => (T)Command.Parse(Words(services[name]["command"])).Value;
        LoadVerbOptions load = Verb<LoadVerbOptions>("load");
        AgentOptions agent = Verb<AgentOptions>("agent"), measure = Verb<AgentOptions>("measure");
        Assert.That(((Dictionary<object, object>)services["agent"]["deploy"])["replicas"], Is.EqualTo(load.Agents));
        Assert.That((agent.Role, measure.Role, load.MeasureRate), Is.EqualTo(("load", "measure", "200")));
        Assert.That((string?[])[agent.Nats, measure.Nats, load.Nats], Is.All.EqualTo("nats://nats:4222"));
        Assert.That(load.Connect, Is.EqualTo("tcp://server:4000"));
        Assert.That(Verb<Multiplex.Cli.Serving.ServeVerb>("server").Listen, Is.EqualTo(["tcp://*:4000"]));
    }

    private static string[] Words(object? list) => [.. ((List<object>?)list ?? []).Cast<string>()];
}
