/** The Linux kernel's own threads: they have a name, and no file that they run from. */

const EXACT = new Set(
  (
    "kthreadd, kdevtmpfs, kauditd, khungtaskd, oom_reaper, writeback, kcompactd0, ksmd, khugepaged, kintegrityd, kblockd, " +
    "tpm_dev_wq, ata_sff, md, md_bitmap, edac-poller, devfreq_wq, watchdogd, ecryptfs-kthread, kthrotld, acpi_thermal_pm, " +
    "mld, ipv6_addrconf, kstrp, charger_manager, netns, inet_frag_wq, rcu_gp, rcu_par_gp, rcu_sched, rcu_bh, rcu_preempt, " +
    "rcu_tasks_kthre, rcu_tasks_rude_, rcu_tasks_trace, rcub/0, rcuc/0, slub_flushwq, mm_percpu_wq, pool_workqueue_release, " +
    "pool_workqueue_, psimon, zswap-shrink, cfg80211, cryptd, ttm_swap, ttm, raid5wq, deferwq, kaluad, kmpath_rdacd, " +
    "kmpath_handlerd, dm_bufio_cache, kdmflush, ksgxd, hwrng, vfio-irqfd-clea, uas, nvme-wq, nvme-reset-wq, nvme-delete-wq, " +
    "nvme-auth-wq, bioset, xfsalloc, xfs_mru_cache, cifsiod, nfsiod, lockd, rpciod, xprtiod, btrfs-worker, cpuset_migrate"
  ).split(", "),
);

const PATTERN =
  /^(?:kworker\/|ksoftirqd\/|migration\/|cpuhp\/|idle_inject\/|irq\/|irq_work\/|backlog_napi\/|rcuo[gpbs]\/|rcu[bc]\/|kswapd\d|kcompactd\d|scsi_(?:eh|tmf)_\d|jbd2\/|ext4-rsv-conver|xfs-|xfs_|btrfs-|dmcrypt_write|kcryptd|kverityd|kdmflush\/|napi\/|nvidia-modeset|nv_queue|card\d+-crtc|kvm-|vhost-|psimon|spl_|z_|txg_|arc_|dbu_|l2arc_|mmcqd\/|mmc_|loop\d+$|nbd\d|nfsd$|drbd|ib_|mlx\d|iscsi_|kdamond|ktimers\/|posixcputmr\/|watchdog\/|cryptd|UVM |krfcomm|hci\d+$|bond\d|wg-crypt-)/;

/** By the name of a process without a file, with or without brackets. */
export function isKernelThread(name: string): boolean {
  const plain = name.slice(0, 64).replace(/^\[(.*)\]$/, "$1");
  return EXACT.has(plain) || PATTERN.test(plain);
}
