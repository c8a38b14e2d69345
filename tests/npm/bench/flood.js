'use strict'

// npm's nodes in the case `flood` of bench/PeopleSwarm.Throughput; the counterpart of Peers/FloodWork.cs.

const fs = require('fs')
const HyperDHT = require('hyperdht')
const createTestnet = require('hyperdht/testnet')
const { args, emit, on, main } = require('../harness/peer')

const CHUNK = Buffer.alloc(64 * 1024, 7)

main(args.mode === 'flood-listen' ? listen : dial)

async function listen () {
  const testnet = await createTestnet(3, { host: '127.0.0.1' })
  const node = testnet.createNode({ host: '127.0.0.1', ephemeral: false, firewalled: false })
  await node.fullyBootstrapped()
  let bytes = 0
  const server = node.createServer((stream) => {
    stream.on('error', () => {})
    stream.on('data', (data) => { bytes += data.length })
  })
  await server.listen()
  on('count', () => emit('count', { bytes }))
  on('look', () => {
    global.gc()
    emit('look', { memory: process.memoryUsage.rss(), files: fs.readdirSync('/proc/self/fd').length })
  })
  emit('ready', { publicKey: server.publicKey, port: testnet.bootstrap[0].port, nodePort: node.address().port })
}

async function dial () {
  const node = new HyperDHT({ bootstrap: [{ host: '127.0.0.1', port: args.port }], host: '127.0.0.1' })
  const publicKey = Buffer.from(args.publicKey, 'hex')
  const streams = await Promise.all(Array.from({ length: args.connections }, () => connect(node, publicKey)))
  emit('ready')
  for (const stream of streams) {
    pump(stream)
    stream.on('drain', () => pump(stream))
  }
}

function pump (stream) {
  while (stream.write(CHUNK)) ;
}

function connect (node, publicKey) {
  const stream = node.connect(publicKey)
  return new Promise((resolve, reject) => {
    stream.on('open', () => resolve(stream))
    stream.on('error', reject)
  })
}
