'use strict'

// One side of an encrypted hyperdht connection, for bench/PeopleSwarm.Throughput.
// args: { mode: 'send'|'receive'|'ping'|'pong', bootstrap?: [{ host, port }] }; the receiving side runs the DHT and listens.

const HyperDHT = require('hyperdht')
const createTestnet = require('hyperdht/testnet')
const { args, emit, read, main } = require('../harness/peer')
const { Meter, pump, sink, ping, pong } = require('./work')

main(async () => {
  const listens = args.mode === 'receive' || args.mode === 'pong'
  const each = { send: pump, receive: sink, ping, pong }[args.mode]
  if (listens) {
    const testnet = await createTestnet(3, { host: '127.0.0.1' })
    const port = testnet.bootstrap[0].port
    const node = testnet.createNode({ host: '127.0.0.1' })
    const server = node.createServer()
    const connected = new Promise((resolve) => server.on('connection', resolve))
    await server.listen()
    emit('ready', { publicKey: server.publicKey, port })
    const start = await read('start')
    const stream = await connected
    const meter = new Meter()
    const result = await each(stream, start, meter)
    emit('done', { ...meter.result(), ...result })
  } else {
    emit('ready', {})
    const start = await read('start')
    const node = new HyperDHT({ bootstrap: [{ host: '127.0.0.1', port: start.port }], host: '127.0.0.1' })
    const stream = node.connect(Buffer.from(start.publicKey, 'hex'))
    await new Promise((resolve, reject) => { stream.on('open', resolve); stream.on('error', reject) })
    const meter = new Meter()
    const result = await each(stream, start, meter)
    emit('done', { ...meter.result(), ...result })
  }
})
