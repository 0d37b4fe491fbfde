/** What an operation's input is made of, for forms and command lines. */
import type { Operation } from '@openledger/protocol';
import { z } from 'zod';

export type Field = {
  readonly name: string;
  /** `json` is whatever is not simpler: an object, a list of objects, one of several shapes. */
  readonly type: 'text' | 'number' | 'flag' | 'texts' | 'numbers' | 'json';
  readonly required: boolean;
  readonly choices: readonly string[] | undefined;
};

export function fieldsOf(operation: Operation): readonly Field[] {
  const schema = z.toJSONSchema(operation.input, { io: 'input', unrepresentable: 'any' });
  const { properties = {}, required = [] } = schema as Shape;
  return Object.entries(properties).map(([name, property]) => ({
    name,
    type: typeOf(property),
    required: required.includes(name),
    choices: property.enum ?? property.items?.enum,
  }));
}

type Shape = {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly items?: Shape;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
};

function typeOf({ type, items }: Shape): Field['type'] {
  if (type === 'string') return 'text';
  if (type === 'number' || type === 'integer') return 'number';
  if (type === 'boolean') return 'flag';
  if (type === 'array' && items?.type === 'string') return 'texts';
  if (type === 'array' && (items?.type === 'number' || items?.type === 'integer')) return 'numbers';
  return 'json';
}
