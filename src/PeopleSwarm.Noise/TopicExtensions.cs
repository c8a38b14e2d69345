using System.Text;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm;

/// <summary>Ways to make a <see cref="Topic"/>.</summary>
public static class TopicExtensions
{
    extension(Topic)
    {
        /// <summary>The topic that is the 32-byte BLAKE2b hash of <paramref name="text"/> in UTF-8.</summary>
        public static Topic FromText(string text)
        {
            ArgumentNullException.ThrowIfNull(text);
            Span<byte> hash = stackalloc byte[Topic.Size];
            Blake2b.Hash256(Encoding.UTF8.GetBytes(text), hash);
            return new(hash);
        }
    }
}
