// What the smoke test writes into an empty project: files that use every entry point that Node can load.

// These need a page, a worker, or libraries that the user installs.
const elsewhere = /runtime-web|\/web$|\/tfjs$|\/jax$/

/** Lists the entry points of packed packages, such as `@inverseform/core/array`. */
export function entryPoints(packed) {
  return packed.flatMap(({ manifest: { name, exports = {} } }) =>
    Object.entries(exports)
      .filter(([, target]) => target['@inverseform/source'])
      .map(([subpath]) => `${name}${subpath.slice(1)}`)
      .filter((entry) => !elsewhere.test(entry)),
  )
}

const segment = (checkpoint, device) => `
  const image = { width: 64, height: 32, data: new Uint8Array(64 * 32 * 3).map((_, i) => (i * 37) % 256) }
  const segmenter = await createSegmenter({ checkpoint: ${JSON.stringify(checkpoint)}, device: '${device}' })
  const { labels } = await segmenter.segment(image)
  if (labels.length !== 64 * 32) throw new Error('there are ' + labels.length + ' labels')
  console.log(segmenter.device)
  await segmenter.dispose()
`

/** @returns {Record<string, string>} the files, by name */
export function projectFiles(entries, checkpoint) {
  const names = (make) => entries.map((entry, i) => make(JSON.stringify(entry), `module${i}`)).join('\n')
  const use = `console.log([${entries.map((_, i) => `module${i}`)}].map((module) => Object.keys(module).length > 0).join())`
  const typed = names((entry, name) => `import * as ${name} from ${entry}`)
  return {
    'import.mjs': `${typed}\n${use}\nconst { createSegmenter } = await import('@inverseform/runtime-node')${segment(checkpoint, 'auto')}`,
    'wasm.mjs': `import { createSegmenter } from '@inverseform/runtime-node'${segment(checkpoint, 'wasm')}`,
    'require.cjs': `${names((entry, name) => `const ${name} = require(${entry})`)}\n${use}\nconst { createSegmenter } = require('@inverseform/runtime-node')\n;(async () => {${segment(checkpoint, 'auto')}})()`,
    'module.mts': `${typed}\n${use}\nexport const device: import('@inverseform/runtime-node').Device = 'wasm'\n`,
    'common.cts': `${names((entry, name) => `import ${name} = require(${entry})`)}\n${use}\n`,
    'plain.ts': `${typed}\n${use}\n`,
  }
}

const strict = { strict: true, noEmit: true, target: 'es2022', types: ['node'] }

/** The compiler's configurations. `node16` refuses `require` of ES modules, so it has no CommonJS file. */
export const configurations = {
  nodenext: {
    compilerOptions: { ...strict, module: 'nodenext' },
    files: ['module.mts', 'common.cts'],
  },
  bundler: {
    compilerOptions: { ...strict, module: 'esnext', moduleResolution: 'bundler' },
    files: ['plain.ts', 'module.mts'],
  },
  node16: { compilerOptions: { ...strict, module: 'node16' }, files: ['module.mts'] },
}
