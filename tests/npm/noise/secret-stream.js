'use strict'

// One @hyperswarm/secret-stream over TCP: { isInitiator, seed, port?, pattern?, remotePublicKey?, keepAlive?, paused? }.
// With a port it connects there, without it listens. Unordered messages go over the pipe to the test instead of UDX.

const net = require('net')
const SecretStream = require('@hyperswarm/secret-stream')
const { args, bytes, emit, main, on, sha256 } = require('../harness/peer')

main(async () => {
  const keyPair = SecretStream.keyPair(Buffer.alloc(32, args.seed))
  const socket = args.port ? await connect(args.port) : await accept(keyPair)
  socket.trySend = (packet) => emit('packet', { packet })

  const stream = new SecretStream(args.isInitiator, socket, {
    keyPair,
    pattern: args.pattern,
    remotePublicKey: args.remotePublicKey && Buffer.from(args.remotePublicKey, 'hex'),
    keepAlive: args.keepAlive
  })
  let error = null
  let count = 0
  stream.on('error', (err) => { error = err.message })
  stream.on('close', () => emit('close', { error, rawBytesWritten: stream.rawBytesWritten }))
  stream.on('end', () => emit('end', { count, rawBytesRead: stream.rawBytesRead }))
  stream.on('message', (message) => emit('message', { message }))
  stream.on('data', (data) => {
    count++
    emit('data', { length: data.byteLength, sha256: sha256(data) })
  })
  if (args.paused) stream.pause()

  on('write', async ({ seed, lengths, end }) => {
    for (const length of lengths) {
      if (!stream.write(bytes(seed + length, length))) await new Promise((resolve) => stream.once('drain', resolve).once('close', resolve))
    }
    if (end) stream.end()
    emit('written')
  })
  on('end', () => { stream.end() })
  on('destroy', () => { stream.destroy() })
  on('resume', () => { stream.resume() })
  on('keepAlive', () => { stream.sendKeepAlive() })
  on('trySend', ({ seed, length }) => { stream.trySend(bytes(seed, length)) })
  on('packet', ({ packet }) => { socket.emit('message', Buffer.from(packet, 'hex')) })

  if (await stream.opened) {
    emit('open', { publicKey: stream.publicKey, remotePublicKey: stream.remotePublicKey, handshakeHash: stream.handshakeHash })
  }
})

function connect (port) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => resolve(socket)).on('error', reject)
  })
}

function accept (keyPair) {
  return new Promise((resolve) => {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      server.close()
      resolve(socket)
    })
    server.listen(0, '127.0.0.1', () => emit('ready', { port: server.address().port, publicKey: keyPair.publicKey }))
  })
}
