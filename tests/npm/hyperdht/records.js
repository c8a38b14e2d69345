'use strict'

// One npm hyperdht node that puts and gets values: { bootstrap }.

const { args, emit, main, on } = require('./../harness/peer')
const DHT = require('hyperdht')

const address = (text) => ({ host: text.split(':')[0], port: Number(text.split(':')[1]) })
const text = ({ host, port }) => `${host}:${port}`
const hex = (text) => Buffer.from(text, 'hex')

main(async () => {
  const dht = new DHT({ host: '127.0.0.1', ephemeral: true, quickFirewall: false, bootstrap: args.bootstrap.map(address) })
  await dht.fullyBootstrapped()

  const only = (nodes) => nodes ? { nodes: nodes.map(address), onlyClosestNodes: true } : {}

  on('putImmutable', async ({ value, nodes }) => {
    const { hash, closestNodes } = await dht.immutablePut(hex(value), only(nodes))
    emit('put', { key: hash, nodes: closestNodes.map(text) })
  })

  on('getImmutable', async ({ key, nodes }) => {
    const found = await dht.immutableGet(hex(key), only(nodes))
    emit('got', { value: found ? found.value : null, from: found ? text(found.from) : null })
  })

  on('putMutable', async ({ seed, value, seq, nodes }) => {
    const { publicKey, closestNodes, signature } = await dht.mutablePut(DHT.keyPair(Buffer.alloc(32, seed)), hex(value), { seq, ...only(nodes) })
    emit('put', { key: publicKey, signature, nodes: closestNodes.map(text) })
  })

  on('getMutable', async ({ key, seq, latest, nodes }) => {
    const found = await dht.mutableGet(hex(key), { seq, latest, ...only(nodes) })
    emit('got', found ? { value: found.value, seq: found.seq, signature: found.signature, from: text(found.from) } : { value: null })
  })

  emit('ready')
})
