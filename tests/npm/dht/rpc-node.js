'use strict'

// A dht-rpc node on 127.0.0.1 that serves command 77: it gives out what was committed to it.
// args: { bootstrapper?: port, bootstrap?: ["host:port"], ephemeral?: bool }

const DHT = require('dht-rpc')
const { args, emit, main, on } = require('./../harness/peer')

const COMMAND = 77
const host = '127.0.0.1'
const stored = []

main(async () => {
  const node = args.bootstrapper
    ? DHT.bootstrapper(args.bootstrapper, host, { host })
    : new DHT({ host, bootstrap: args.bootstrap || [], ephemeral: args.ephemeral })

  node.on('request', (req) => {
    if (req.command !== COMMAND) return req.error(DHT.ERROR_UNKNOWN_COMMAND)
    if (req.token) stored.push(req.value)
    req.reply(req.token ? null : stored.length ? stored[stored.length - 1] : Buffer.alloc(0))
  })

  await node.fullyBootstrapped()
  emit('ready', state())

  on('state', () => emit('state', state()))

  // The probe of a node that has been up for a while. The quick one at start counts only if it beats a walk of a few milliseconds.
  on('probe', async () => {
    await node._updateNetworkState(true)
    emit('probe', state())
  })

  on('query', async ({ target, value, commit }) => {
    const query = node.query({ target: Buffer.from(target, 'hex'), command: COMMAND, value: Buffer.from(value, 'hex') }, { commit })
    const replies = []
    for await (const reply of query) replies.push({ from: reply.from.port, value: reply.value, token: reply.token })
    emit('query', { replies, closest: query.closestReplies.map((reply) => reply.from.port), successes: query.successes })
  })

  on('request', async ({ port, token, value }) => {
    const request = { command: COMMAND, token: token && Buffer.from(token, 'hex'), target: Buffer.alloc(32), value: value && Buffer.from(value, 'hex') }
    const reply = await node.request(request, { host, port })
    emit('response', { error: reply.error, token: reply.token, value: reply.value, rtt: reply.rtt })
  })

  function state () {
    return {
      port: node.io.serverSocket.address().port,
      id: node.id,
      ephemeral: node.ephemeral,
      firewalled: node.firewalled,
      address: node.remoteAddress(),
      nodes: node.toArray().map(({ port }) => port),
      stored
    }
  }
})
