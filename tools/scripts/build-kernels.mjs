/** Compiles assembly/kernels.ts of the packages that have kernels, and writes the binaries to TypeScript modules. */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { main } from 'assemblyscript/asc'

const folder = (name) => fileURLToPath(new URL(`../../packages/${name}/`, import.meta.url))
/** The TypeScript module with the binary of each package's kernels. */
export const binaryFiles = {
  runtime: `${folder('runtime')}src/kernels/binary.ts`,
  core: `${folder('core')}src/array/kernels/binary.ts`,
}

/** Returns the module that the source of a package compiles to. */
export async function compileKernels(name) {
  let binary
  const { error, stderr } = await main(
    [
      'kernels.ts',
      ...['--baseDir', `${folder(name)}assembly`, '--outFile', 'kernels.wasm'],
      ...['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--use', 'abort='],
      ...['--enable', 'simd', '--initialMemory', '1'],
    ],
    {
      writeFile: (_, contents) => {
        binary = contents
      },
    },
  )
  if (error) throw new Error(`The kernels of ${name} do not compile: ${error.message}\n${stderr}`)
  return binary
}

/** Returns the text of the TypeScript module that holds the binary of a package. */
export async function kernelsModule(name) {
  const base64 = Buffer.from(await compileKernels(name)).toString('base64')
  return [
    '/** Made from assembly/kernels.ts by tools/scripts/build-kernels.mjs: a WebAssembly module in base64. */',
    `export const KERNELS =\n  '${base64}'\n`,
  ].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, file] of Object.entries(binaryFiles)) await writeFile(file, await kernelsModule(name))
}
