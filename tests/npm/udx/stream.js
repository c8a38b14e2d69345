'use strict'

// One udx-native stream: { id, remoteId, remotePort, keepalive?, paused? }, told what to do line by line.

const UDX = require('udx-native')
const { createHash } = require('crypto')
const { args, bytes, emit, main, on } = require('../harness/peer')

const CHUNK = 64 * 1024

main(async () => {
  const udx = new UDX()
  const socket = udx.createSocket()
  socket.bind(0, '127.0.0.1')
  socket.on('message', (datagram, from) => emit('datagram', { datagram, port: from.port }))

  const stream = udx.createStream(args.id)
  const hash = createHash('sha256')
  let length = 0
  let error = null
  stream.on('data', (data) => {
    length += data.byteLength
    hash.update(data)
  })
  if (args.paused) stream.pause()
  stream.on('end', () => emit('end', { length, sha256: hash.digest('hex') }))
  stream.on('message', (message) => emit('message', { message }))
  stream.on('error', (err) => { error = err.code || err.message })
  stream.on('close', () => emit('close', { error, length }))

  stream.connect(socket, args.remoteId, args.remotePort, '127.0.0.1')
  if (args.keepalive) stream.setKeepalive(args.keepalive)

  on('send', async ({ seed, length, end }) => {
    const data = bytes(seed, length)
    for (let at = 0; at < length && !stream.destroying; at += CHUNK) {
      if (!stream.write(data.subarray(at, at + CHUNK))) {
        await new Promise((resolve) => stream.once('drain', resolve).once('close', resolve))
      }
    }
    if (end) stream.end()
    emit('sent', { length })
  })
  on('destroy', () => { stream.destroy() })
  on('resume', () => { stream.resume() })
  on('message', ({ text }) => { stream.trySend(Buffer.from(text)) })
  on('datagram', ({ text, port }) => { socket.trySend(Buffer.from(text), port, '127.0.0.1') })
  on('move', async ({ remoteId, port }) => {
    await stream.changeRemote(socket, remoteId, port, '127.0.0.1')
    emit('moved')
  })
  on('stats', () => emit('stats', {
    packetsReceived: stream.packetsReceived,
    packetsSent: stream.packetsTransmitted,
    length,
    retransmits: stream.retransmits,
    mtu: stream.mtu
  }))

  emit('ready', { port: socket.address().port })
})
