using System.IO.Pipelines;
using System.Net.Sockets;

namespace PeopleSwarm.Noise;

/// <summary>
/// A <see cref="Stream"/> as the byte stream below a channel. Over TCP the end of a direction and a failure reach the peer;
/// other streams know only dispose.
/// </summary>
internal sealed class StreamTransport(Stream stream) : IDuplexPipe, IAsyncDisposable
{
    private const int BufferSize = 128 * 1024; // a whole frame in one write

    public PipeReader Input { get; } =
        PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: BufferSize / 2, leaveOpen: true, useZeroByteReads: true));

    public PipeWriter Output { get; } = new EndingWriter(stream);

    public ValueTask DisposeAsync() => stream.DisposeAsync();

    /// <summary>Writes to the stream and shuts its sending direction down at the end.</summary>
    private sealed class EndingWriter(Stream stream) : PipeWriter
    {
        private readonly PipeWriter _writer =
            Create(stream, new StreamPipeWriterOptions(minimumBufferSize: BufferSize, leaveOpen: true));

        private bool _ended;

        public override bool CanGetUnflushedBytes => _writer.CanGetUnflushedBytes;

        public override long UnflushedBytes => _writer.UnflushedBytes;

        public override Memory<byte> GetMemory(int sizeHint = 0) => _writer.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => _writer.GetSpan(sizeHint);

        public override void Advance(int bytes) => _writer.Advance(bytes);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => _writer.FlushAsync(cancellationToken);

        public override void CancelPendingFlush()
        {
            try
            {
                _writer.CancelPendingFlush();
            }
            catch (ObjectDisposedException)
            {
                // completed meanwhile: nothing is pending
            }
        }

        public override void Complete(Exception? exception = null)
        {
            _writer.Complete(exception);
            End(exception);
        }

        public override async ValueTask CompleteAsync(Exception? exception = null)
        {
            await _writer.CompleteAsync(exception).ConfigureAwait(false);
            End(exception);
        }

        private void End(Exception? exception)
        {
            if (_ended) return;
            _ended = true;
            var socket = (stream as NetworkStream)?.Socket;
            if (exception is null)
            {
                if (socket is { Connected: true }) socket.Shutdown(SocketShutdown.Send);
                return;
            }
            socket?.Close(timeout: 0); // a reset: an orderly end would look like the whole message
            stream.Dispose();
        }
    }
}
