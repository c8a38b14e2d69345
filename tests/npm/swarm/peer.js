'use strict'

// An npm swarm: { bootstrap, seed?, topic?, server?, client?, maxPeers?, deny?, firewalled? }. It echoes what its peers send.

const { args, emit, main, on } = require('../harness/peer')
const DHT = require('hyperdht')
const Hyperswarm = require('hyperswarm')

main(async () => {
  const swarm = new Hyperswarm({
    // On one machine firewalled npm nodes lose each other's connections now and then.
    dht: new DHT({ bootstrap: args.bootstrap, host: '127.0.0.1', firewalled: args.firewalled ?? false }),
    seed: args.seed ? Buffer.from(args.seed, 'hex') : undefined,
    maxPeers: args.maxPeers,
    backoffs: [300, 600, 900, 1200],
    jitter: 100,
    firewall: (key) => (args.deny || []).includes(key.toString('hex'))
  })

  swarm.on('connection', (connection, info) => {
    const fields = describe(connection)
    emit('connection', { ...fields, topics: info.topics })
    connection.on('data', (data) => {
      emit('data', { ...fields, text: data.toString() })
      if (!data.toString().startsWith('echo: ')) connection.write('echo: ' + data)
    })
    connection.on('error', () => {})
    connection.on('close', () => emit('close', fields))
  })
  swarm.on('ban', (info) => emit('ban', { key: info.publicKey }))

  on('join', async ({ topic, server = true, client = true, limit }) => {
    await swarm.join(Buffer.from(topic, 'hex'), { server, client, limit }).flushed()
    emit('joined', { topic })
  })
  on('leave', async ({ topic }) => {
    await swarm.leave(Buffer.from(topic, 'hex'))
    emit('left', { topic })
  })
  on('joinPeer', ({ key }) => swarm.joinPeer(Buffer.from(key, 'hex')))
  on('leavePeer', ({ key }) => swarm.leavePeer(Buffer.from(key, 'hex')))
  on('listen', async () => { await swarm.listen(); emit('listening') })
  on('flush', async () => emit('flushed', { result: await swarm.flush() }))
  on('connections', () => emit('connections', { list: [...swarm.connections].map(describe), connecting: swarm.connecting }))
  on('write', ({ key, text }) => {
    for (const connection of swarm.connections) if (connection.remotePublicKey.toString('hex') === key) connection.write(text)
  })
  on('drop', ({ key }) => {
    for (const connection of swarm.connections) if (connection.remotePublicKey.toString('hex') === key) connection.destroy()
  })
  on('lookup', async ({ topic }) => {
    const keys = new Set()
    for await (const { peers } of swarm.dht.lookup(Buffer.from(topic, 'hex'))) for (const peer of peers) keys.add(peer.publicKey.toString('hex'))
    emit('lookup', { keys: [...keys] })
  })
  on('destroy', async () => { await swarm.destroy(); emit('destroyed') })

  await swarm.dht.fullyBootstrapped()
  if (args.topic) await swarm.join(Buffer.from(args.topic, 'hex'), { server: args.server ?? true, client: args.client ?? true }).flushed()
  emit('ready', { publicKey: swarm.keyPair.publicKey })
})

function describe (connection) {
  return { key: connection.remotePublicKey, initiator: connection.isInitiator, hash: connection.handshakeHash }
}
