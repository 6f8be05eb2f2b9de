import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const packages = fileURLToPath(new URL('../../../', import.meta.url))
const dependency = fileURLToPath(new URL('../../node_modules/onnxruntime-web', import.meta.url))
const tsup = createRequire(import.meta.url).resolve('tsup/dist/cli-default.js')

/** Creates a folder with the package and its dependencies in `node_modules`, built as they are published. */
export async function install() {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'inverseform-app-')))
  await mkdir(join(folder, 'node_modules'))
  await symlink(dependency, join(folder, 'node_modules/onnxruntime-web'))
  await Promise.all(['backbones', 'runtime', 'runtime-web'].map((name) => buildInto(folder, name)))
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

async function buildInto(folder: string, name: string): Promise<void> {
  const [source, target] = [join(packages, name), join(folder, 'node_modules/@inverseform', name)]
  const args = [tsup, '--no-dts', '--no-clean', '--silent', '--out-dir', join(target, 'dist')]
  await promisify(execFile)(process.execPath, args, { cwd: source })
  await cp(join(source, 'package.json'), join(target, 'package.json'))
}
