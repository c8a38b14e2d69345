using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using PeopleSwarm.Testing.Relays;

namespace PeopleSwarm.Testing;

/// <summary>
/// Calls the methods of the public interfaces with one bad argument, or one bad option, at a time. What they refuse they name: an
/// <see cref="ArgumentException"/> that names something deeper inside tells its reader nothing.
/// </summary>
[Collection<AloneOnThePool>]
public sealed class ArgumentNamesTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2), s_limit = TimeSpan.FromHours(2);
    private static readonly string[] s_leftOut = [nameof(IAsyncDisposable.DisposeAsync), nameof(IDhtNode.SuspendAsync), nameof(IDhtNode.ResumeAsync)];
    private static readonly KeyPair s_key = RelayInternet.Key(7);
    private readonly SimulatedNetwork _net = new(1) { Latency = TimeSpan.FromMilliseconds(1) };
    private readonly SimulatedDht _dht;
    private readonly List<string> _named = [], _wrong = [];

    public ArgumentNamesTests() => _dht = new(_net, nodes: 2);

    public void Dispose() => _dht.Dispose();

    [Fact]
    public void Nodes_name_the_argument_that_they_refuse()
    {
        var node = _dht.AddNode(_net.AddHost("6.0.0.1"));
        Run(() => CheckAsync(node, typeof(IDhtNode)));
        Assert.Contains("ConnectAsync(publicKey = default)", _named);
        Assert.Contains("ConnectAsync(options.MaxMessageSize)", _named);
        Assert.Contains("RelayAsync(options.MaxPairs)", _named);
        Assert.Contains("PingAsync(to = default)", _named);
        Assert.True(_named.Count > 50, string.Join('\n', _named));
    }

    [Fact]
    public void Swarms_name_the_argument_that_they_refuse()
    {
        var swarm = _dht.AddSwarm(_net.AddHost("6.0.0.1"));
        Run(() => CheckAsync(swarm, typeof(IPeerSwarm)));
        Assert.Contains("Join(options.Limit)", _named);
    }

    [Fact]
    public void Streams_name_the_argument_that_they_refuse()
    {
        using var services = new ServiceCollection().AddSimulatedInternet(_net, _net.AddHost("6.0.0.1")).AddUdx().BuildServiceProvider();
        Run(async () =>
        {
            await using var socket = UdxSocket.Bind(services.GetRequiredService<IDatagramHostFactory>(), services.GetRequiredService<IReliableTransportFactory>(), UdpEndPoint.Parse("6.0.0.1:1000"));
            await CheckAsync(socket.CreateStream(), typeof(IReliableStream));
            await using var connected = socket.Connect(5, 6, UdpEndPoint.Parse("5.0.0.1:1"));
            await CheckAsync(socket, typeof(UdxSocket));
            await CheckAsync(connected, typeof(IReliableStream));
        });
        Assert.Contains("Connect(remote = default)", _named);
        Assert.Contains("Connect(localId)", _named); // 5 is taken
        Assert.Contains("ChangeRemote(socket)", _named);
    }

    [Fact]
    public void Multiplexers_name_the_argument_that_they_refuse()
    {
        using var services = new ServiceCollection().AddProtomux().BuildServiceProvider();
        Run(() => CheckAsync(services.GetRequiredService<IProtomuxFactory>(), typeof(IProtomuxFactory)));
        Assert.Contains("Create(channel = default)", _named);
    }

    private void Run(Func<Task> body)
    {
        _net.Run(body, s_limit);
        Assert.True(_wrong.Count == 0, string.Join('\n', _wrong));
    }

    private async Task CheckAsync(object target, Type surface)
    {
        foreach (var method in surface.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
        {
            var parameters = method.GetParameters();
            if (method.IsSpecialName || s_leftOut.Contains(method.Name) || parameters.Any(p => p.ParameterType.IsByRefLike)) continue;
            foreach (var parameter in parameters)
                foreach (var (text, value) in BadValues(parameter))
                    await CallAsync(target, method, parameter, text, value);
        }
    }

    private async Task CallAsync(object target, MethodInfo method, ParameterInfo bad, string text, object? value)
    {
        using var patience = new CancellationTokenSource(s_patience, _net.TimeProvider);
        var arguments = method.GetParameters().Select(p => p == bad ? value : GoodValue(p.ParameterType, patience.Token)).ToArray();
        try
        {
            object? result = method.Invoke(target, arguments);
            if (result is ValueTask { } valueTask) await valueTask;
            if (result is Task task)
            {
                await task;
                result = task.GetType().GetProperty("Result")?.GetValue(task);
            }
            if (result is IAsyncDisposable owned) await owned.DisposeAsync();
        }
        catch (Exception error)
        {
            if (((error as TargetInvocationException)?.InnerException ?? error) is not ArgumentException refusal) return;
            bool isNamed = method.GetParameters().Any(p => p.Name == refusal.ParamName);
            (isNamed ? _named : _wrong).Add($"{method.Name}({text}){(isNamed ? "" : $" names '{refusal.ParamName}': {refusal.Message}")}");
        }
    }

    private static object? GoodValue(Type type, CancellationToken cancellationToken) => type switch
    {
        _ when type == typeof(PublicKey) => s_key.PublicKey,
        _ when type == typeof(KeyPair) => s_key,
        _ when type == typeof(UdpEndPoint) => UdpEndPoint.Parse("5.0.0.1:49737"),
        _ when type == typeof(ReadOnlyMemory<byte>) => new ReadOnlyMemory<byte>([1, 2, 3]),
        _ when type == typeof(DhtRequest) => new DhtRequest(1, new NodeId(s_key.PublicKey.ToArray())),
        _ when type == typeof(CancellationToken) => cancellationToken,
        _ when type == typeof(SocketId) => new SocketId(1),
        _ when type == typeof(int) => 5,
        _ when type == typeof(uint) => 9u,
        _ => type.IsValueType ? Activator.CreateInstance(type) : null,
    };

    /// <summary>Values that may be refused, and options with one such value each.</summary>
    private static IEnumerable<(string Text, object? Value)> BadValues(ParameterInfo parameter)
    {
        string name = parameter.Name!;
        if (parameter.ParameterType == typeof(CancellationToken)) yield break;
        yield return ($"{name} = default", parameter.ParameterType.IsValueType ? Activator.CreateInstance(parameter.ParameterType) : null);
        foreach (object bad in Extremes(parameter.ParameterType)) yield return (name, bad);
        if (!parameter.ParameterType.Name.EndsWith("Options", StringComparison.Ordinal)) yield break;
        foreach (var property in parameter.ParameterType.GetProperties().Where(p => p.CanWrite))
            foreach (object bad in Extremes(Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType))
            {
                object options = Activator.CreateInstance(parameter.ParameterType)!;
                property.SetValue(options, bad);
                yield return ($"{name}.{property.Name}", options);
            }
    }

    private static object[] Extremes(Type type) => type switch
    {
        _ when type == typeof(int) => [-1, 0, int.MinValue, int.MaxValue],
        _ when type == typeof(long) => [-1L, long.MinValue, long.MaxValue],
        _ when type == typeof(uint) => [5u],
        _ when type == typeof(TimeSpan) => [TimeSpan.FromSeconds(-1), TimeSpan.MaxValue],
        _ when type == typeof(UdpEndPoint) => [UdpEndPoint.Parse("5.0.0.1:0"), UdpEndPoint.Parse("[2001:db8::1]:1")],
        _ when type == typeof(KeyPair) => [new KeyPair(s_key.PublicKey, [])],
        _ when type == typeof(SocketId) => [new SocketId(-5)],
        _ when type == typeof(ReadOnlyMemory<byte>) => [new ReadOnlyMemory<byte>(new byte[5000])],
        _ when type == typeof(DhtRequest) => [new DhtRequest(-1, new NodeId(s_key.PublicKey.ToArray())), new DhtRequest(1)],
        _ => [],
    };
}
