import { api, pathParameters } from '@openledger/protocol';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { openApi } from './openapi.ts';

type Described = {
  readonly operationId: string;
  readonly summary: string;
  readonly security: readonly unknown[];
  readonly parameters: readonly { name: string; in: string; required: boolean; schema: object }[];
  readonly requestBody?: { content: Record<string, { schema: object }> };
  readonly responses: Record<string, { content: Record<string, { schema: object }> }>;
};

const document = openApi(api);
const paths = document.paths as Record<string, Record<string, Described>>;
const rows = Object.entries(api).flatMap(([noun, operations]) =>
  Object.entries(operations).map(([verb, operation]) => ({ name: `${noun}.${verb}`, operation })),
);

test('the document is plain JSON that names every operation of the table once', () => {
  expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  expect(document.openapi).toMatch(/^3\.1\./);
  const described = Object.values(paths).flatMap((methods) => Object.values(methods));
  expect(described.map(({ operationId }) => operationId).sort()).toEqual(
    rows.map(({ name }) => name).sort(),
  );
});

test.each(rows)('$name: its parameters, key and schemas stand in the document', ({
  name,
  operation,
}) => {
  const path = operation.path.replace(/:([A-Za-z]+)/g, '{$1}');
  const described = paths[path][operation.method.toLowerCase()];
  expect(described.operationId).toBe(name);
  expect(described.summary).toBeTruthy();
  expect(described.security).toEqual(operation.scope === 'public' ? [] : [{ key: [] }]);
  const inPath = described.parameters.filter((parameter) => parameter.in === 'path');
  expect(inPath.map((parameter) => parameter.name)).toEqual(pathParameters(operation.path));
  for (const { required, schema } of inPath) {
    expect(required).toBe(true);
    expect(schema).toBeDefined();
  }
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const schemas = [
    ...described.parameters.map(({ schema }) => schema),
    ...Object.values(described.requestBody?.content ?? {}).map(({ schema }) => schema),
    described.responses[String('status' in operation ? operation.status : 200)].content[
      'application/json'
    ].schema,
  ];
  const { components } = document; // what the schemas refer to
  for (const schema of schemas) expect(() => ajv.compile({ ...schema, components })).not.toThrow();
});
