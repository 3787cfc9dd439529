/**
 * Code that counts which of its blocks run, for a fuzzer that is guided by that: jazzer.js, which does the same, has no
 * binary for the C library of Debian 12 (its 4.0.0 wants glibc 2.38).
 */
import { type NodePath, type PluginObj, types as t, transformSync } from '@babel/core';
import { COUNTERS } from './counters';

export interface Instrumented {
  code: string;
  blocks: number;
  /** Texts and numbers of the code, which mostly are what its parsers look for. */
  words: Buffer[];
}

const LONGEST_WORD = 24;
const LONGEST_LIST = 4000;

/** @param code a bundle, CommonJS */
export function instrument(code: string): Instrumented {
  let blocks = 0;
  const words = new Set<string>();
  const count = () =>
    t.updateExpression('++', t.memberExpression(t.identifier(COUNTERS), t.numericLiteral(blocks++), true));
  const counted = (expression: t.Expression) => t.sequenceExpression([count(), expression]);
  const enter = (path: NodePath<t.BlockStatement>) => {
    path.node.body.unshift(t.expressionStatement(count()));
  };
  const word = (text: string) => {
    if (text.length > 0 && text.length <= LONGEST_WORD && words.size < LONGEST_LIST) words.add(text);
  };
  const plugin: PluginObj = {
    visitor: {
      BlockStatement: { exit: enter },
      ArrowFunctionExpression: {
        exit({ node }) {
          if (node.body.type !== 'BlockStatement') node.body = counted(node.body);
        },
      },
      IfStatement: {
        exit({ node }) {
          node.consequent = asBlock(node.consequent, count);
          if (node.alternate != null) node.alternate = asBlock(node.alternate, count);
        },
      },
      Loop: {
        exit({ node }) {
          node.body = asBlock(node.body, count);
        },
      },
      SwitchCase: {
        exit({ node }) {
          node.consequent.unshift(t.expressionStatement(count()));
        },
      },
      ConditionalExpression: {
        exit({ node }) {
          node.consequent = counted(node.consequent);
          node.alternate = counted(node.alternate);
        },
      },
      LogicalExpression: {
        exit({ node }) {
          node.right = counted(node.right);
        },
      },
      StringLiteral: ({ node }) => word(node.value),
      TemplateElement: ({ node }) => word(node.value.cooked ?? ''),
      RegExpLiteral({ node }) {
        for (const [text] of node.pattern.matchAll(/(?<!\\)[A-Za-z][\w. -]+/g)) word(text);
      },
      NumericLiteral({ node }) {
        const { value } = node;
        if (!Number.isInteger(value) || value < 2 || value > 0xffffffff) return;
        const bytes = Buffer.alloc(4);
        bytes.writeUInt32LE(value);
        word(bytes.toString('latin1', 0, value < 0x100 ? 1 : value < 0x10000 ? 2 : 4));
      },
    },
  };
  const options = { babelrc: false, configFile: false, compact: false, sourceType: 'script' } as const;
  const result = transformSync(code, { ...options, plugins: [plugin] });
  return { code: result?.code ?? '', blocks, words: [...words].map((text) => Buffer.from(text, 'latin1')) };
}

/** Makes a block of a statement; one that is a block already is counted as such. */
function asBlock(statement: t.Statement, count: () => t.Expression): t.Statement {
  return statement.type === 'BlockStatement'
    ? statement
    : t.blockStatement([t.expressionStatement(count()), statement]);
}
