// The Khronos validator on a GLB: errors and warnings end it with 1.
import { readFileSync } from 'node:fs';
import { validateBytes } from 'gltf-validator';

const file = process.argv[2];
const { issues } = await validateBytes(new Uint8Array(readFileSync(file)));
console.log(`${file}: ${issues.numErrors} errors, ${issues.numWarnings} warnings`);
issues.messages.filter((message) => message.severity < 2).forEach((message) => console.log(message));
process.exit(issues.numErrors + issues.numWarnings ? 1 : 0);
