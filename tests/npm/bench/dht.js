'use strict'

// npm's nodes in the cases of `dht`, for bench/PeopleSwarm.Throughput; the counterpart of Peers/DhtWork.cs.

const HyperDHT = require('hyperdht')
const createTestnet = require('hyperdht/testnet')
const { randomBytes } = require('crypto')
const { args, emit, read, main } = require('../harness/peer')

const WARMUP = 50
const TIMES = 300
const RESTING = 50
const DIALS = 200
const CONNECTIONS = 3000
const DIALS_AT_ONCE = 16

main({ operations, serve, rest, 'connect-listen': listen, 'connect-dial': dial }[args.mode])

async function operations () {
  const testnet = await createTestnet(args.nodes, { host: '127.0.0.1' })
  const node = testnet.createNode({ host: '127.0.0.1', ephemeral: true })
  await node.fullyBootstrapped()
  emit('done', {
    lookup: await median(() => node.lookup(randomBytes(32)).finished()),
    announce: await median(() => node.announce(randomBytes(32), node.defaultKeyPair).finished()),
    put: await median(() => node.immutablePut(randomBytes(32)))
  })
}

async function serve () {
  const testnet = await createTestnet(10, { host: '127.0.0.1' })
  emit('ready', { port: testnet.nodes[9].address().port })
  await read('start')
  const before = process.cpuUsage()
  emit('started')
  await read('stop')
  const { user, system } = process.cpuUsage(before)
  emit('done', { cpuSeconds: (user + system) / 1e6 })
}

async function rest () {
  const testnet = await createTestnet(10, { host: '127.0.0.1' })
  const before = await memory()
  for (let i = 0; i < RESTING; i++) {
    const node = testnet.createNode({ host: '127.0.0.1', ephemeral: false, firewalled: false })
    await node.fullyBootstrapped()
  }
  emit('done', { kilobytes: (await memory() - before) / 1024 / RESTING })
}

async function listen () {
  const testnet = await createTestnet(3, { host: '127.0.0.1' })
  const node = testnet.createNode({ host: '127.0.0.1', ephemeral: false, firewalled: false })
  await node.fullyBootstrapped()
  const server = node.createServer((stream) => {
    stream.on('error', () => {})
    stream.resume()
  })
  await server.listen()
  emit('ready', { publicKey: server.publicKey, port: testnet.bootstrap[0].port })
}

async function dial () {
  const node = new HyperDHT({ bootstrap: [{ host: '127.0.0.1', port: args.port }], host: '127.0.0.1' })
  await node.fullyBootstrapped()
  const publicKey = Buffer.from(args.publicKey, 'hex')
  const times = []
  for (let i = -WARMUP; i < DIALS; i++) {
    const started = process.hrtime.bigint()
    const stream = await connect(node, publicKey)
    if (i >= 0) times.push(Number(process.hrtime.bigint() - started) / 1e6)
    stream.destroy()
  }
  times.sort((a, b) => a - b)
  const began = process.hrtime.bigint()
  let left = CONNECTIONS
  await Promise.all(Array.from({ length: DIALS_AT_ONCE }, async () => {
    while (--left >= 0) (await connect(node, publicKey)).destroy()
  }))
  const seconds = Number(process.hrtime.bigint() - began) / 1e9
  emit('done', { p50: times[DIALS / 2], p95: times[DIALS * 0.95], perSecond: CONNECTIONS / seconds })
}

function connect (node, publicKey) {
  const stream = node.connect(publicKey)
  return new Promise((resolve, reject) => {
    stream.on('open', () => resolve(stream))
    stream.on('error', reject)
  })
}

async function median (operation) {
  for (let i = 0; i < WARMUP; i++) await operation()
  const times = []
  for (let i = 0; i < TIMES; i++) {
    const started = process.hrtime.bigint()
    await operation()
    times.push(Number(process.hrtime.bigint() - started) / 1e6)
  }
  return times.sort((a, b) => a - b)[TIMES / 2]
}

async function memory () {
  await new Promise((resolve) => setTimeout(resolve, 3000))
  global.gc()
  return process.memoryUsage.rss()
}
