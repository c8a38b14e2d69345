'use strict'

// One npm hyperdht node, told by commands what to do: { bootstrap, package?, …options of the node }.

const { args, emit, main, on, sha256, bytes } = require('./../harness/peer')
const { bootstrap, package: name = 'hyperdht', ...options } = args
const DHT = require(name)
const NoiseWrap = require(`${name}/lib/noise-wrap`)

const address = (text) => ({ host: text.split(':')[0], port: Number(text.split(':')[1]) })
const text = ({ host, port }) => `${host}:${port}`
const key = (seed) => DHT.keyPair(Buffer.alloc(32, seed))
const addresses = (list) => list ? list.map(address) : undefined

main(async () => {
  const dht = new DHT({ host: '127.0.0.1', ...options, bootstrap: addresses(bootstrap) || [] })
  await dht.fullyBootstrapped()

  const find = (target) => ({ nodes: addresses(target.nodes), onlyClosestNodes: !!target.nodes })

  on('info', async () => {
    emit('info', {
      ephemeral: dht.ephemeral,
      firewalled: dht.firewalled,
      id: dht.id,
      server: text(dht.io.serverSocket.address()),
      client: text(dht.io.clientSocket.address()),
      nodes: dht.toArray().map(text)
    })
  })

  on('announce', async ({ topic, seed, relays, clear, bump, nodes }) => {
    const q = dht.announce(Buffer.from(topic, 'hex'), key(seed), addresses(relays) || [], { clear, bump, ...find({ nodes }) })
    await q.finished()
    emit('announced', { nodes: q.closestReplies.map((r) => text(r.from)) })
  })

  on('unannounce', async ({ topic, seed }) => {
    await dht.unannounce(Buffer.from(topic, 'hex'), key(seed))
    emit('unannounced')
  })

  on('lookup', async ({ topic, nodes }) => {
    const replies = []
    for await (const { from, peers, bump } of dht.lookup(Buffer.from(topic, 'hex'), find({ nodes }))) {
      replies.push({ from: text(from), bump, peers: peers.map((p) => ({ publicKey: p.publicKey, relays: p.relayAddresses.map(text) })) })
    }
    emit('lookup', { replies })
  })

  on('findPeer', async ({ publicKey, nodes }) => {
    const from = []
    for await (const reply of dht.findPeer(Buffer.from(publicKey, 'hex'), find({ nodes }))) from.push(text(reply.from))
    emit('findPeer', { from })
  })

  on('request', async ({ to, number, target, value, token }) => {
    const buffer = (hex) => hex ? Buffer.from(hex, 'hex') : null
    try {
      const res = await dht.request({ command: number, target: buffer(target), value: buffer(value), token: buffer(token) }, address(to), { retries: 1 })
      emit('response', { error: res.error, token: res.token, value: res.value, closerNodes: (res.closerNodes || []).map(text) })
    } catch (err) {
      emit('response', { code: err.code })
    }
  })

  // Echoes everything, and ends when the client does.
  on('listen', async ({ seed, refuse, holepunch, relayThrough, reusableSocket }) => {
    const server = dht.createServer({
      reusableSocket,
      relayThrough: relayThrough ? Buffer.from(relayThrough, 'hex') : null,
      shareLocalAddress: relayThrough === undefined,
      firewall: () => { emit('firewall'); return !!refuse },
      holepunch: holepunch === false ? false : undefined
    }, (stream) => {
      stream.on('error', (err) => emit('streamError', { code: err.code, message: err.message }))
      stream.on('close', () => emit('streamClosed'))
      stream.on('message', (m) => stream.send(m))
      emit('connection', { remote: stream.remotePublicKey, handshakeHash: stream.handshakeHash })
      if (relayThrough !== undefined) follow(stream)
      stream.pipe(stream)
    })
    await server.listen(key(seed))
    emit('listening', { publicKey: server.publicKey, relays: server.relayAddresses.map(text) })
    on('closeServer', async () => {
      await server.close()
      emit('serverClosed')
    })
  })

  // Sends bytes of a seed, ends, and tells the hash of what comes back.
  on('connect', ({ publicKey, seed, length, relays, localConnection, relayThrough, holepunch, reusableSocket }) => {
    const started = Date.now()
    const stream = dht.connect(Buffer.from(publicKey, 'hex'), {
      keyPair: key(seed),
      relayAddresses: addresses(relays),
      localConnection,
      reusableSocket,
      relayThrough: relayThrough ? Buffer.from(relayThrough, 'hex') : null,
      holepunch: holepunch === false ? () => false : undefined
    })
    if (relayThrough !== undefined) stream.on('open', () => follow(stream))
    const chunks = []
    stream.on('open', () => emit('connected', { ms: Date.now() - started, handshakeHash: stream.handshakeHash, remote: text({ host: stream.rawStream.remoteHost, port: stream.rawStream.remotePort }) }))
    stream.on('data', (data) => chunks.push(data))
    stream.on('end', () => emit('echoed', { sha256: sha256(...chunks), length: Buffer.concat(chunks).length }))
    stream.on('error', (err) => emit('connectError', { code: err.code, message: err.message, ms: Date.now() - started }))
    stream.on('message', (m) => emit('message', { text: m.toString() }))
    on('message', ({ text }) => stream.send(Buffer.from(text)))
    stream.write(bytes(seed, length))
    if (length !== 0) stream.end()
  })

  // Raw streams along a connection: each side tells the other its number, joins the two, and the listening side echoes.
  function joinRaw (stream, onjoined) {
    const raw = dht.createRawStream()
    raw.on('error', (err) => emit('rawError', { code: err.code, message: err.message }))
    stream.on('error', () => {})
    stream.once('data', (number) => {
      DHT.connectRawStream(stream, raw, number.readUInt32LE())
      onjoined(raw)
    })
    const number = Buffer.alloc(4)
    number.writeUInt32LE(raw.id)
    stream.write(number)
  }

  on('listenRaw', async ({ seed }) => {
    const server = dht.createServer((stream) => joinRaw(stream, (raw) => raw.pipe(raw)))
    await server.listen(key(seed))
    emit('listening', { publicKey: server.publicKey })
  })

  on('connectRaw', ({ publicKey, seed, length }) => {
    const stream = dht.connect(Buffer.from(publicKey, 'hex'), { keyPair: key(seed) })
    stream.on('open', () => joinRaw(stream, (raw) => {
      const chunks = []
      raw.on('data', (data) => chunks.push(data))
      raw.on('end', () => emit('echoed', { sha256: sha256(...chunks), length: Buffer.concat(chunks).length }))
      raw.write(bytes(seed, length))
      raw.end()
    }))
  })

  // Tells where a stream's packets go, whenever that changes.
  function follow (stream) {
    let last = null
    const timer = setInterval(() => {
      const { remoteHost, remotePort } = stream.rawStream
      const remote = text({ host: remoteHost, port: remotePort })
      if (remote !== last) emit('remote', { remote: last = remote })
    }, 5)
    stream.on('close', () => clearInterval(timer))
  }

  // A blind relay, as the reference's own tests make one.
  on('relay', async ({ seed }) => {
    const { Server } = require('blind-relay')
    const relay = new Server({ createStream: (opts) => dht.createRawStream({ ...opts, framed: true }) })
    const server = dht.createServer({ shareLocalAddress: false }, (stream) => {
      stream.on('error', () => {})
      const session = relay.accept(stream, { id: stream.remotePublicKey })
      session.on('error', () => {})
      session.on('pair', (isInitiator) => emit('pair', { isInitiator }))
      session.on('close', () => emit('sessionClosed', relay.stats))
    })
    await server.listen(key(seed))
    emit('relaying', { publicKey: server.publicKey })
  })

  // A handshake over two relays in a row.
  on('secondRelay', async ({ publicKey, seed, first, second }) => {
    const server = Buffer.from(publicKey, 'hex')
    const handshake = new NoiseWrap(key(seed), server)
    const noise = await handshake.send({ error: 0, firewall: 0, holepunch: null, addresses4: [], addresses6: [], udx: { reusableSocket: false, id: 77, seq: 0 }, secretStream: {}, relayThrough: null })
    const reply = await dht._router.peerHandshake(DHT.hash(server), { noise, relayAddress: address(second) }, address(first))
    const payload = await handshake.recv(reply.noise)
    emit('secondRelay', { version: payload.version, error: payload.error, relayed: reply.relayed, serverAddress: text(reply.serverAddress) })
  })

  on('close', async () => {
    await dht.destroy()
    emit('closed')
    process.exit(0)
  })

  emit('ready', { server: text(dht.io.serverSocket.address()), ephemeral: dht.ephemeral, firewalled: dht.firewalled })
})
