-- A module file (Lmod) for the release archive unpacked under /apps/vbilstm: module load vbilstm/0.1.0
help([[vbilstm trains Variational Bi-LSTMs: vbilstm --help]])
whatis("Trains Variational Bi-LSTMs on CPUs and GPUs")
prepend_path("PATH", "/apps/vbilstm/vbilstm-0.1.0-linux-x64")
-- Uncomment where GPUs are to be used, and MPI for several ranks; the names are your site's.
-- depends_on("CUDA/12.9", "cuDNN/9")
-- depends_on("OpenMPI/5")
