using System.Net;
using System.Net.Sockets;

namespace PeopleSwarm;

/// <summary>Ports for tests that must know one before anybody has it.</summary>
internal static class FreePort
{
    /// <summary>A UDP port that is free, and outside of the range from which systems give ports to whoever asks meanwhile.</summary>
    public static ushort Find()
    {
        while (true)
        {
            ushort port = (ushort)Random.Shared.Next(10_000, 32_000);
            try
            {
                using UdpClient socket = new(new IPEndPoint(IPAddress.Any, port));
                return port;
            }
            catch (SocketException)
            {
                // Taken: another one.
            }
        }
    }
}
