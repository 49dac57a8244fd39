#include "base.h"
#include "http/gate.h"
