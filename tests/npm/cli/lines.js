'use strict'

// A hyperswarm peer of { bootstrap, topic, server, client }: tells its connections and what they send; writes what it is told, as it is.

const { args, emit, main, on } = require('../harness/peer')
const DHT = require('hyperdht')
const Hyperswarm = require('hyperswarm')

main(async () => {
  const swarm = new Hyperswarm({ dht: new DHT({ bootstrap: args.bootstrap, host: '127.0.0.1' }) })
  swarm.on('connection', (connection, info) => {
    const from = connection.remotePublicKey
    connection.on('data', (data) => emit('data', { from, text: data.toString() }))
    connection.on('error', () => {})
    connection.on('close', () => emit('close', { remotePublicKey: from }))
    emit('connection', {
      publicKey: connection.publicKey,
      remotePublicKey: from,
      handshakeHash: connection.handshakeHash,
      initiator: connection.isInitiator,
      topics: info.topics
    })
  })
  await swarm.join(Buffer.from(args.topic, 'hex'), { server: args.server !== false, client: args.client !== false }).flushed()
  emit('ready', { publicKey: swarm.keyPair.publicKey })

  on('write', ({ text }) => { for (const connection of swarm.connections) connection.write(text) })
  on('leave', async () => {
    await swarm.destroy()
    emit('left')
  })
})
