'use strict'

// Tells the version of a package and echoes what it is told: the harness tests itself with it.

const { args, emit, on } = require('./peer')

require(args.package) // its native part loads too
emit('ready', { version: require(`${args.package}/package.json`).version, bytes: Buffer.from([1, 2, 255]) })
on('echo', ({ text }) => emit('echo', { text }))
on('fail', () => { throw new Error('told to fail') })
