'use strict'

// One side of encrypted hyperdht connections, for bench/PeopleSwarm.Throughput.
// args: { mode: 'send'|'receive'|'ping'|'pong'|'idle-dial'|'idle-listen' }; the receiving side runs the DHT and listens.

const HyperDHT = require('hyperdht')
const createTestnet = require('hyperdht/testnet')
const { args, emit, read, main } = require('../harness/peer')
const { Meter, pump, sink, ping, pong } = require('./work')
const idle = require('./idle')

main(async () => {
  const listens = ['receive', 'pong', 'idle-listen'].includes(args.mode)
  const each = { send: pump, receive: sink, ping, pong }[args.mode]
  if (listens) {
    const testnet = await createTestnet(3, { host: '127.0.0.1' })
    const port = testnet.bootstrap[0].port
    const node = testnet.createNode({ host: '127.0.0.1', ephemeral: false, firewalled: false })
    await node.fullyBootstrapped()
    const server = node.createServer()
    const accepted = []
    const connected = new Promise((resolve) => server.on('connection', (stream) => {
      accepted.push(stream)
      stream.on('error', () => {})
      resolve(stream)
    }))
    await server.listen()
    emit('ready', { publicKey: server.publicKey, port })
    const start = await read('start')
    if (args.mode === 'idle-listen') return emit('done', await idle.listen(accepted, start))
    const stream = await connected
    const meter = new Meter()
    const result = await each(stream, start, meter)
    emit('done', { ...meter.result(), ...result })
  } else {
    emit('ready', {})
    const start = await read('start')
    const node = new HyperDHT({ bootstrap: [{ host: '127.0.0.1', port: start.port }], host: '127.0.0.1' })
    const publicKey = Buffer.from(start.publicKey, 'hex')
    if (args.mode === 'idle-dial') return emit('done', await idle.dial(node, publicKey, start))
    const stream = node.connect(publicKey)
    await new Promise((resolve, reject) => { stream.on('open', resolve); stream.on('error', reject) })
    const meter = new Meter()
    const result = await each(stream, start, meter)
    emit('done', { ...meter.result(), ...result })
  }
})
