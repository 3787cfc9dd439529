import { AttributeReader } from '../../sys/readers/attributes';
import { CAP_SYS_RAWIO, hasCapability } from '../../sys/readers/capabilities';
import type { Access, SysTree } from '../../sys/sys';

/**
 * Returns the calling user's access to the node of a group that VFIO made up: the kernel opens it with CAP_SYS_RAWIO
 * alone, whatever its mode says (vfio_group_fops_open(), drivers/vfio/group.c).
 */
export function noiommuAccess(sys: SysTree, node: string): Access | null {
  const access = sys.access(node);
  const status = access === null ? null : new AttributeReader(sys).text('/proc/self/status');
  return status !== null && hasCapability(status, CAP_SYS_RAWIO) === false ? 'none' : access;
}
