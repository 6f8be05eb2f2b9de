// Copies the installed onnxruntime-node, without its install script, into the package of one platform (binaries/onnxruntime-*).
// Each of these packages runs this before it is packed.
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const { name, version } = JSON.parse(await readFile('package.json', 'utf8'))
const [platform, arch] = name.split('-').slice(1)
const require = createRequire(new URL('../../packages/runtime-node/package.json', import.meta.url))
const source = dirname(require.resolve('onnxruntime-node/package.json'))
const installed = JSON.parse(await readFile(join(source, 'package.json'), 'utf8'))
if (installed.version !== version) {
  throw new Error(
    `onnxruntime-node is ${installed.version}, but ${name} is ${version}. Give both the same version.`,
  )
}

for (const folder of ['bin', 'dist']) await rm(folder, { recursive: true, force: true })
const scripts = (await readdir(join(source, 'dist'))).filter((file) => !file.endsWith('.map'))
await mkdir('dist')
for (const file of scripts) await cp(join(source, 'dist', file), join('dist', file))

const libraries = `bin/napi-v6/${platform}/${arch}`
// macOS has one library under two names; the binding loads the one without the full version.
const duplicate = `libonnxruntime.${version}.dylib`
// An install of onnxruntime-node may have added CUDA.
const isOurs = (path) => !path.endsWith(duplicate) && !path.includes('_providers_')
await cp(join(source, libraries), libraries, { recursive: true, filter: isOurs })

const LICENSE = `MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software
is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES
OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE
LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR
IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`
await writeFile('LICENSE', LICENSE)
