#include "base.h"
#include "app.h"
