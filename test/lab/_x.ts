import { bootLab, type Kernel } from './lab';
const ARGS = '-device nvme-subsys,id=sub0 -device pcie-root-port,id=rp1,addr=0b.0,chassis=2 -blockdev null-co,node-name=nvme1,size=67108864,read-zeroes=on -device nvme,id=pf,bus=rp1,serial=UDRV0004,subsys=sub0,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2,max_ioqpairs=6,msix_qsize=7'.split(' ');
async function main() {
  const kernel = process.argv[2] as Kernel;
  const lab = await bootLab({ kernel, qemuArgs: ARGS });
  if (lab.setupLog) console.log(lab.setupLog);
  for (const line of require('node:fs').readFileSync(process.argv[3], 'utf8').split('\n').filter(Boolean)) {
    console.log(`$ ${line}`);
    const r = await lab.run(line, { timeoutMs: 300000 });
    console.log(`${r.stdout}${r.stderr}[${r.code}]`);
  }
  await lab.shutdown();
}
main().catch((e) => { console.error(e); process.exit(1); });
