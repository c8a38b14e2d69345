'use strict'

// An npm protomux over a secret stream over TCP: { port }. Channels are opened by commands; what arrives becomes events.

const net = require('net')
const SecretStream = require('@hyperswarm/secret-stream')
const Protomux = require('protomux')
const c = require('compact-encoding')
const { args, emit, main, on } = require('../harness/peer')

main(async () => {
  const stream = new SecretStream(args.isInitiator, net.connect(args.port, '127.0.0.1'))
  const mux = new Protomux(stream)
  const channels = new Map()
  stream.on('error', (err) => emit('error', { message: err.message }))
  stream.on('close', () => emit('streamClosed'))

  function open ({ name, protocol, id, handshake, types, unique }) {
    const channel = mux.createChannel({
      protocol,
      id: id ? Buffer.from(id, 'hex') : null,
      unique: unique !== false,
      handshake: c.raw,
      onopen: (handshake) => emit('open', { name, handshake: handshake || Buffer.alloc(0) }),
      onclose: (isRemote) => emit('closed', { name, isRemote })
    })
    for (let type = 0; type < (types || 3); type++) {
      channel.addMessage({ encoding: c.raw, onmessage: (body) => emit('message', { name, type, body }) })
    }
    channels.set(name, channel)
    channel.open(handshake ? Buffer.from(handshake, 'hex') : Buffer.alloc(0))
  }

  on('channel', (command) => { open(command); emit('channel') })
  on('pair', ({ protocol, ms, ...rest }) => {
    mux.pair({ protocol }, async (id) => {
      emit('notified', { id: id || Buffer.alloc(0) })
      await new Promise((resolve) => setTimeout(resolve, ms))
      open({ protocol, ...rest, id: id && id.toString('hex') })
    })
    emit('paired')
  })
  on('send', ({ name, type, body }) => { channels.get(name).messages[type].send(Buffer.from(body, 'hex')) })
  on('batch', ({ names, count }) => {
    mux.cork()
    for (let i = 0; i < count; i++) channels.get(names[i % names.length]).messages[i % 3].send(Buffer.from(`${i}`))
    mux.uncork()
  })
  on('closeChannel', ({ name }) => { channels.get(name).close() })
  on('end', () => { stream.end() })

  await stream.opened
  emit('ready')
})
