'use strict'

// A peer of the lab on npm hyperdht; the same commands as PeopleSwarm.Lab.Peer. Each listener and each dialler is a node of its own.

const { emit, main, on } = require('../harness/peer')
const DHT = require('hyperdht')
const crypto = require('crypto')

const streams = new Map()

const address = (text) => ({ host: text.split(':')[0], port: Number(text.split(':')[1]) })

on('listen', async ({ id, bootstrap }) => {
  const dht = new DHT({ bootstrap: [address(bootstrap)] })
  await dht.fullyBootstrapped()
  const server = dht.createServer((stream) => {
    stream.on('error', () => {})
    emit('accepted' + id)
    stream.pipe(stream)
  })
  await server.listen(DHT.keyPair())
  emit('listening' + id, { publicKey: server.publicKey })
})

on('connect', async ({ id, publicKey, bootstrap }) => {
  const dht = new DHT({ bootstrap: [address(bootstrap)] })
  await dht.fullyBootstrapped()
  const started = process.hrtime.bigint()
  const milliseconds = () => Number(process.hrtime.bigint() - started) / 1e6
  const stream = dht.connect(Buffer.from(publicKey, 'hex'), { keyPair: DHT.keyPair() })
  streams.set(id, stream)
  let isOver = false
  stream.on('error', (err) => {
    if (!isOver) emit('failed' + id, { error: err.code || err.message, milliseconds: milliseconds() })
    isOver = true
  })
  stream.on('open', async () => {
    await echoed(stream)
    isOver = true
    emit('connected' + id, { milliseconds: milliseconds() })
  })
})

on('exchange', async ({ id }) => {
  const started = process.hrtime.bigint()
  await echoed(streams.get(id))
  emit('exchanged' + id, { milliseconds: Number(process.hrtime.bigint() - started) / 1e6 })
})

function echoed (stream) {
  const sent = crypto.randomBytes(16)
  stream.write(sent)
  return new Promise((resolve, reject) => {
    stream.once('data', (data) => data.equals(sent) ? resolve() : reject(new Error('the echo is not what was sent')))
  })
}

main(async () => emit('ready'))
