'use strict'

// A DHT of npm nodes alone: { nodes, package? } persistent nodes on 127.0.0.1, the first one their bootstrapper.

const { args, emit, main, read } = require('./peer')

main(async () => {
  const createTestnet = require(`${args.package || 'hyperdht'}/testnet`)
  const testnet = await createTestnet(args.nodes || 3, { host: '127.0.0.1' })
  emit('ready', {
    bootstrap: testnet.bootstrap.map(({ host, port }) => `${host}:${port}`),
    nodes: testnet.nodes.map((node) => `127.0.0.1:${node.address().port}`)
  })
  await read('close')
  await testnet.destroy()
  process.exit(0)
})
