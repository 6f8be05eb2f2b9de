/** Compiles packages/runtime/assembly/kernels.ts and writes packages/runtime/src/kernels/binary.ts. */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { main } from 'assemblyscript/asc'

const root = fileURLToPath(new URL('../../packages/runtime/', import.meta.url))
export const binaryFile = `${root}src/kernels/binary.ts`

/** Returns the module that the source compiles to. */
export async function compileKernels() {
  let binary
  const { error, stderr } = await main(
    [
      'kernels.ts',
      ...['--baseDir', `${root}assembly`, '--outFile', 'kernels.wasm'],
      ...['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--use', 'abort='],
      ...['--enable', 'simd', '--initialMemory', '1'],
    ],
    {
      writeFile: (_, contents) => {
        binary = contents
      },
    },
  )
  if (error) throw new Error(`The kernels do not compile: ${error.message}\n${stderr}`)
  return binary
}

/** Returns the text of the TypeScript module that holds the binary. */
export async function kernelsModule() {
  const base64 = Buffer.from(await compileKernels()).toString('base64')
  return [
    '/** Made from assembly/kernels.ts by tools/scripts/build-kernels.mjs: a WebAssembly module in base64. */',
    `export const KERNELS =\n  '${base64}'\n`,
  ].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(binaryFile, await kernelsModule())
