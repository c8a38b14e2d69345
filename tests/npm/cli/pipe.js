'use strict'

// One hyperdht connection: sends the bytes of a seed and ends, tells the hash of what came.
// { bootstrap, listen: seed } waits for a peer, { bootstrap, connect: key } dials one; both { sendSeed, sendLength }

const { args, bytes, emit, main, sha256 } = require('../harness/peer')
const DHT = require('hyperdht')

main(async () => {
  const node = new DHT({ bootstrap: args.bootstrap, host: '127.0.0.1' })
  if (args.connect) return carry(node.connect(Buffer.from(args.connect, 'hex')))

  const server = node.createServer(carry)
  await server.listen(DHT.keyPair(Buffer.from(args.listen, 'hex')))
  emit('ready', { publicKey: server.publicKey })
})

function carry (socket) {
  const received = []
  socket.on('open', () => emit('connection', {
    publicKey: socket.publicKey,
    remotePublicKey: socket.remotePublicKey,
    handshakeHash: socket.handshakeHash,
    initiator: socket.isInitiator
  }))
  socket.on('data', (data) => received.push(data))
  socket.on('end', () => emit('received', {
    sha256: sha256(...received),
    length: received.reduce((sum, data) => sum + data.length, 0)
  }))
  socket.on('error', (error) => emit('failed', { message: error.message }))
  socket.on('close', () => emit('close'))

  socket.write(bytes(args.sendSeed, args.sendLength))
  socket.end()
}
