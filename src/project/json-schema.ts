/** The JSON Schema of `dwt.yaml`, for editors. */
import * as z from 'zod/mini';
import { projectSchema } from './schema.ts';

/** The text of `schema/dwt.schema.json`. */
export function jsonSchema(): string {
  const schema = z.toJSONSchema(projectSchema, {
    target: 'draft-7',
    io: 'input',
    override({ jsonSchema: part }) {
      // zod names its own string checks as formats, which no editor knows; the pattern beside it says the same.
      if (part.format === 'includes' || part.format === 'starts_with') delete part.format;
    },
  });
  return `${JSON.stringify({ title: 'dwt.yaml', ...schema }, null, 2)}\n`;
}
