// Lists the public exports of every published package and subpath.
//
// usage: node tools/scripts/list-exports.mjs
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Returns a map from each entry point, such as `@inverseform/core/array`, to its sorted exports. Entry points without a source,
 * such as bundles, are left out.
 *
 * @returns {Map<string, { name: string, isType: boolean }[]>}
 */
export function listExports() {
  const entries = entryPoints()
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root)
  const program = ts.createProgram([...entries.values()], options)
  const checker = program.getTypeChecker()
  return new Map([...entries].map(([name, file]) => [name, exportsOf(program.getSourceFile(file), checker)]))
}

/** Maps the name of each entry point to its source file. */
function entryPoints() {
  const entries = new Map()
  for (const folder of readdirSync(join(root, 'packages')).sort()) {
    const path = join(root, 'packages', folder)
    const manifest = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'))
    if (manifest.private) continue
    for (const [subpath, target] of Object.entries(manifest.exports)) {
      const source = target['@inverseform/source']
      if (source) entries.set(`${manifest.name}${subpath.slice(1)}`, join(path, source))
    }
  }
  return entries
}

function exportsOf(sourceFile, checker) {
  const module = checker.getSymbolAtLocation(sourceFile)
  // A module without exports, such as a worker's entry, has no symbol.
  if (!module) return []
  return checker
    .getExportsOfModule(module)
    .map((symbol) => {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
      return { name: symbol.name, isType: !(target.flags & ts.SymbolFlags.Value) }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [entry, exported] of listExports()) {
    console.log(
      `${entry}\n${exported.map(({ name, isType }) => `  ${isType ? 'type ' : ''}${name}`).join('\n')}`,
    )
  }
}
