/** The OpenAPI 3.1 document, read off the table of operations. */
import {
  errorStatus,
  type Operation,
  type Operations,
  pathParameters,
  scopes,
} from '@openledger/protocol';
import { z } from 'zod';

type Json = Readonly<Record<string, unknown>>;

/** Source: OpenAPI Specification 3.1.0, whose schemas are JSON Schema 2020-12, which is what zod writes. */
export function openApi(api: { readonly [noun: string]: Operations }): Json {
  const paths: Record<string, Record<string, Json>> = {};
  const schemas: Record<string, Json> = { Error: errorSchema };
  for (const [noun, operations] of Object.entries(api)) {
    for (const [verb, operation] of Object.entries(operations)) {
      const path = operation.path.replace(/:([A-Za-z]+)/g, '{$1}');
      paths[path] = {
        ...paths[path],
        [operation.method.toLowerCase()]: describe(`${noun}.${verb}`, operation, schemas),
      };
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'OpenLedger',
      version: '0.1.0',
      description:
        'Amounts are units as decimal strings (1 OPEN = 10^18 units). `/v1/*` is the OpenAI-compatible surface and not listed here.',
    },
    tags: Object.keys(api).map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: `Scopes: ${scopes.join(', ')}.` },
      },
      schemas,
    },
  };
}

const errorSchema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'details'],
      properties: {
        code: { type: 'string', enum: [...Object.keys(errorStatus), 'internal'] },
        message: { type: 'string' },
        details: { type: 'object' },
      },
    },
  },
};

/** @param schemas takes the parts that an operation's schemas refer to */
function describe(name: string, operation: Operation, schemas: Record<string, Json>): Json {
  const { summary, scope, status = 200 } = operation;
  const input = schemaOf(operation.input, { io: 'input', name, schemas });
  const output = schemaOf(operation.output, { io: 'output', name, schemas });
  return {
    operationId: name,
    tags: [name.slice(0, name.indexOf('.'))],
    summary,
    ...(scope === 'public'
      ? { security: [] }
      : { security: [{ key: [] }], description: `Needs a key with the scope \`${scope}\`.` }),
    ...describeInput(operation, input),
    responses: {
      [status]: {
        description: 'Done.',
        content: { 'application/json': { schema: output } },
      },
      default: {
        description: 'Refused or failed.',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  };
}

function describeInput(operation: Operation, input: Json): Json {
  const { properties = {}, required = [] } = input as {
    properties?: Record<string, Json>;
    required?: readonly string[];
  };
  const inPath = pathParameters(operation.path);
  const others = Object.keys(properties).filter((name) => !inPath.includes(name));
  const parameter = (name: string, place: 'path' | 'query') => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: properties[name],
  });
  const path = inPath.map((name) => parameter(name, 'path'));
  const query = { parameters: [...path, ...others.map((name) => parameter(name, 'query'))] };
  if (operation.body === 'ndjson') {
    const description = 'One JSON object a line.';
    const content = { 'application/x-ndjson': { schema: { type: 'string', description } } };
    return { ...query, requestBody: { required: true, content } };
  }
  if (operation.method !== 'POST') return query;
  const schema = {
    type: 'object',
    properties: Object.fromEntries(others.map((name) => [name, properties[name]])),
    required: required.filter((name) => others.includes(name)),
    additionalProperties: false,
  };
  const isRequired = schema.required.length > 0;
  return {
    parameters: path,
    requestBody: { required: isRequired, content: { 'application/json': { schema } } },
  };
}

/** What JSON Schema cannot say (a custom check) is left open there; the server checks it all the same. */
function schemaOf(
  schema: z.ZodType,
  {
    io,
    name,
    schemas,
  }: {
    readonly io: 'input' | 'output';
    readonly name: string;
    readonly schemas: Record<string, Json>;
  },
): Json {
  const written = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      if (jsonSchema.prefixItems?.length !== 0) return;
      delete jsonSchema.prefixItems; // JSON Schema has no list of no items; an empty list is one without room
      jsonSchema.maxItems = 0;
    },
  });
  // Parts that refer to themselves stand apart, under names of this document.
  const prefix = `${name}.${io}.`;
  const renamed = JSON.parse(
    JSON.stringify(written).replaceAll('"#/$defs/', `"#/components/schemas/${prefix}`),
  );
  const { $schema: _, $defs: parts = {}, ...rest } = renamed;
  for (const [part, partSchema] of Object.entries<Json>(parts)) schemas[prefix + part] = partSchema;
  return rest;
}
